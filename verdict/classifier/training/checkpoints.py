"""The files in which trainings keep their state to resume from, and their locks."""

import os
from collections.abc import Iterable
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from verdict.base.errors import VerdictError

FOLDER = ".checkpoints"
# Another folder: one that several machines share, or the one that a sweep keeps while its workers come and go.
VARIABLE = "VERDICT_CHECKPOINTS"


def folder() -> Path:
    """Return the folder of the states: the variable's, or `.checkpoints` of the repository.

    DVC runs some experiments in a folder that it deletes afterwards, and names the one that stays.
    """
    return Path(os.environ.get(VARIABLE) or Path(os.environ.get("DVC_ROOT", "."), FOLDER))


def acquire(path: Path) -> BaseFileLock:
    """Lock a state for one training until the returned lock is released or the process ends.

    Raises:
        VerdictError: another process, such as a child of a killed torchrun, runs the same training.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(_lock_path(path))
        lock.acquire(blocking=False)
        return lock
    except Timeout:
        raise VerdictError(str(path), "another process is at this very training", "wait for it, or end it") from None


def delete(paths: Iterable[Path]) -> None:
    """Delete states once the results of their trainings are written."""
    for path in paths:
        path.unlink(missing_ok=True)
        _lock_path(path).unlink(missing_ok=True)


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")
