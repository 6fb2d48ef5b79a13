"""What the judging job hands to the publishing ones: a folder with a verdict, a report, pictures, and maybe a lock."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_json

_RESULT = "verdict.json"
REPORT = "report.md"
LOCK_FOLDER = "lock"
JUDGED = "judged"  # a folder of its own beside: publishing jobs never see the artifact


@dataclass(frozen=True)
class Verdict:
    """The gate's code, one line, and where it belongs.

    `number` is the pull request's, None for a merge group. `skip` says why there is nothing to tell; `lock` that the
    files in `LOCK_FOLDER` may be committed to `branch`; `artifact` that the artifact was laid aside for a preview.
    """

    code: int
    title: str
    head: str
    number: int | None = None
    branch: str = ""
    skip: str = ""
    lock: bool = False
    artifact: bool = False


def write(verdict: Verdict, folder: Path) -> None:
    """Keep the verdict in `folder`."""
    write_json(folder / _RESULT, asdict(verdict))


def read(folder: Path) -> Verdict:
    """The verdict in `folder`; `VerdictError` when there is none."""
    path = folder / _RESULT
    try:
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise VerdictError(str(path), f"no verdict: {error}", "see the log of the job judge") from None
