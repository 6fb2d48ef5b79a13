"""Where trainings that can go on keep their state, and whose it is meanwhile."""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from verdict.base.errors import VerdictError

FOLDER = ".checkpoints"
# Another folder: one that several machines share, or the one that a sweep keeps while its workers come and go.
VARIABLE = "VERDICT_CHECKPOINTS"


def folder() -> Path:
    """The folder of the states: the variable's, or `.checkpoints` of the repository.

    DVC runs some experiments in a folder that it deletes afterwards, and names the one that stays.
    """
    return Path(os.environ.get(VARIABLE) or Path(os.environ.get("DVC_ROOT", "."), FOLDER))


def hold(path: Path) -> IO[str]:
    """Hold a state for one training; closing what is returned lets it go, and so does the end of the process.

    Raises:
        VerdictError: another process, such as what a killed torchrun left behind, is at the same training.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _lock(path).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise VerdictError(str(path), "another process is at this very training", "wait for it, or end it") from None
    return file


def forget(paths: Iterable[Path]) -> None:
    """Remove states: the trainings are over, and what they gave is written."""
    for path in paths:
        path.unlink(missing_ok=True)
        _lock(path).unlink(missing_ok=True)


def _lock(path: Path) -> Path:
    return path.with_suffix(".lock")
