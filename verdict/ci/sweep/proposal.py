"""What the collecting job hands to the one that writes: a folder with a pull request's texts and files."""

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
    """A commit on top of `baseline`, and the texts around it.

    By the line `mark` of its message the commit is known again. `files` lie under `FILES`; those in `gone` are removed.
    Without files there is nothing to propose.
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
    """The line of a commit's message by which a sweep knows its own."""
    return f"Sweep: {spec}"


def write(proposal: Proposal, folder: Path) -> None:
    """Keep the proposal in `folder`."""
    write_json(folder / _PROPOSAL, asdict(proposal))


def read(folder: Path) -> Proposal:
    """The proposal in `folder`; `VerdictError` when there is none."""
    path = folder / _PROPOSAL
    try:
        return Proposal(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise VerdictError(str(path), f"no proposal: {error}", "see the log of the job collect") from None
