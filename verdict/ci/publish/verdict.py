"""The folder from the judging job to the publishing ones: a verdict, a report, pictures, and perhaps a lock."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_json

_RESULT = "verdict.json"
REPORT = "report.md"
LOCK_FOLDER = "lock"
JUDGED = "judged"  # a separate folder: publishing jobs never see the artifact


@dataclass(frozen=True)
class Verdict:
    """The gate's exit code, a title, and the commit and pull request that they belong to.

    `number` is that of the pull request, None for a merge group. `skip` is the reason for publishing nothing. `lock`
    means that the files in `LOCK_FOLDER` may be committed to `branch`, `artifact` that the artifact was saved for a
    preview.
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
    """Write the verdict into `folder`."""
    write_json(folder / _RESULT, asdict(verdict))


def read(folder: Path) -> Verdict:
    """Read the verdict in `folder`; `VerdictError` if there is none."""
    path = folder / _RESULT
    try:
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise VerdictError(str(path), f"no verdict: {error}", "see the log of the job judge") from None
