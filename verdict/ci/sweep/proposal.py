"""The folder from the collecting job to the one with write tokens: a pull request's texts and files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_json

LEADERBOARD = "leaderboard.md"
COMMENT = "comment.md"
FILES = "files"
_PROPOSAL = "proposal.json"


@dataclass(frozen=True)
class Proposal:
    """A commit on top of `baseline`, and the texts of its pull request.

    The line `mark` of its message identifies the commit later. `files` are in the folder `FILES`; files in `gone` are
    removed. Without files there is nothing to propose.
    """

    mark: str
    experiment: str
    baseline: str
    branch: str
    title: str
    body: str
    message: str
    files: list[str]
    gone: list[str]


def mark(spec: str) -> str:
    """Return the line of a commit's message that identifies the sweep."""
    return f"Sweep: {spec}"


def write(proposal: Proposal, folder: Path) -> None:
    """Write the proposal into `folder`."""
    write_json(folder / _PROPOSAL, asdict(proposal))


def read(folder: Path) -> Proposal:
    """Read the proposal in `folder`; `VerdictError` if there is none."""
    path = folder / _PROPOSAL
    try:
        return Proposal(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise VerdictError(str(path), f"no proposal: {error}", "see the log of the job collect") from None
