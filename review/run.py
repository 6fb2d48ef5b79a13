"""`python -m review repro`: `dvc repro`, and a record of what ran, for how long, on what, and what came from the cache.

DVC keeps no times. The record lies in .dvc/tmp, by the hash of the lock entry that a stage led to: of another result it
says nothing, and of one that came back from the run-cache, how long it once took.
"""

import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Any

import yaml

from classifier.errors import VerdictError
from classifier.numerics import hardware_class
from review.isolation import isolated
from review.lock import LOCK, record_hash

RECORD = Path(".dvc/tmp/verdict-runs.json")
_RUN = "ran"
_MOST = 500  # entries, oldest first out
Record = dict[str, dict[str, Any]]
_RAN = re.compile(r"Running stage '([^']+)'")
_FAILED = re.compile(r"failed to reproduce '([^']+)'")
_RESTORED = re.compile(r"Stage '([^']+)' is cached - skipping run")


class _Clock(logging.Handler):
    """Listens to what DVC says, and notes when a stage began and when the next thing was said."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.stages: Record = {}
        self._running: tuple[str, float] | None = None
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith(">"):  # the command of the stage that just began
            return
        self.stop()
        if match := _RAN.match(message):
            self._running = (match[1], time.perf_counter())
            self._last = match[1]
        elif match := _RESTORED.match(message):
            self.stages[match[1]] = {"how": "from the run-cache"}

    def forget(self) -> None:
        """The stage that began last has failed: it led to no result."""
        self._running = None
        self.stages.pop(self._last, None)

    def stop(self) -> None:
        """The stage that is running, if one is, has ended."""
        if self._running:
            name, begin = self._running
            self.stages[name] = {"how": _RUN, "seconds": round(time.perf_counter() - begin, 2)}
            self._running = None


class StageError(VerdictError):
    """A stage's own command ended with an error: running it again would end the same way."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__("dvc repro", reason, "see the stage's own message above")
        self.stage = stage


def reproduce(root: Path, **how: bool) -> None:
    """Run `dvc repro` here, and record it.

    Args:
        root: the checkout.
        how: DVC's own options, such as `pull`, `allow_missing`, `force`, `run_cache`.

    Raises:
        StageError: a stage's command failed.
        VerdictError: DVC could not run the DAG for another reason.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    clock = _Clock()
    logger = logging.getLogger("dvc")
    logger.setLevel(logging.INFO)  # as the command has it; the library alone says nothing
    logger.addHandler(clock)
    try:
        with Repo(str(root)) as repo, isolated(repo):
            if not repo.reproduce(**how):
                print("Data and pipelines are up to date.")
    except BaseException as error:  # Ctrl-C, too
        clock.forget()
        if not isinstance(error, DvcException):
            raise
        raise _told(error) from None
    finally:
        clock.stop()
        logger.removeHandler(clock)
        _keep(root, clock.stages)


def _told(error: Exception) -> VerdictError:
    """What went wrong in words of ours; a failed stage by its name."""
    from dvc.stage.exceptions import StageCmdFailedError

    reason = " ".join(str(error).split())
    failed = _FAILED.search(reason)
    if failed and isinstance(error.__cause__, StageCmdFailedError):
        return StageError(failed[1], reason)
    cause = f": {' '.join(str(error.__cause__).split())}" if error.__cause__ else ""
    return VerdictError("dvc repro", reason + cause, "see the stage's own message above")


def _keep(root: Path, stages: Record) -> None:
    """Add what ran to the record; a stage that failed has no entry in the lock, and leaves none."""
    from classifier.files import write_text

    entries = yaml.safe_load((root / LOCK).read_text(encoding="utf-8"))["stages"] if (root / LOCK).exists() else {}
    kept = read(root)
    for name, found in stages.items():
        if name in entries:
            key = record_hash(entries[name])
            earlier = kept.pop(key, {"seconds": None, **hardware()})
            kept[key] = {**earlier, **found, **(hardware() if found["how"] == _RUN else {}), "stage": name}
    if stages:
        newest = dict(list(kept.items())[-_MOST:])
        write_text(root / RECORD, json.dumps(newest, indent=1, allow_nan=False) + "\n")


def read(root: Path) -> Record:
    """The record by hash of the lock entry, oldest first; empty where there is none or it cannot be read."""
    try:
        found = json.loads((root / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def hardware() -> dict[str, str]:
    """The machine that runs this, in the words of the report."""
    from classifier.doctor import processor

    return {
        "hardware_class": hardware_class("cpu"),
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
    }
