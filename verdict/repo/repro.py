"""`verdict repro`: `dvc repro`, and a record of what ran, how long, on what machine, and what came from the cache.

DVC keeps no times. The record lies in .dvc/tmp, by the hash of a stage's lock entry, so that it holds for that result
alone; a result from the run-cache keeps the time of its run.
"""

import json
import logging
import re
import sys
import time
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.repo.damage import set_damaged_aside
from verdict.repo.dvc import forget_hashes, is_damaged, keeps_records, one_line, repository
from verdict.repo.hardware import hardware
from verdict.repo.isolation.sandbox import BEST_EFFORT, Confinement, isolated
from verdict.repo.lock.entries import lock_entries
from verdict.repo.lock.lockfile import LOCK, record_hash, record_path

if TYPE_CHECKING:
    from dvc.repo import Repo

RECORD_FILE = Path(".dvc/tmp/verdict-runs.json")
_RUN = "ran"
_MOST = 500  # entries; the oldest are dropped
RunRecords = dict[str, dict[str, Any]]
_RAN = re.compile(r"Running stage '([^']+)'")
_FAILED = re.compile(r"failed to reproduce '([^']+)'")
_RESTORED = re.compile(r"Stage '([^']+)' is cached - skipping run")


class _Clock(logging.Handler):
    """Times stages by DVC's log: from a stage's first message to the next message."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.stages: RunRecords = {}
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

    def drop_failed(self) -> None:
        """Drop the stage that began last: it has failed, without a result."""
        self._running = None
        self.stages.pop(self._last, None)

    def stop(self) -> None:
        """Note the end of the running stage, if there is one."""
        if self._running:
            name, start = self._running
            self.stages[name] = {"how": _RUN, "seconds": round(time.perf_counter() - start, 2)}
            self._running = None


class StageError(VerdictError):
    """A stage's own command failed, and would fail again."""

    def __init__(self, stage: str, reason: str) -> None:
        remedy = (
            "see what the stage itself said above; a file or module that it did not find must stand in its deps in"
            " dvc.yaml, or it cannot be read; a code below 0 is a signal, -9 also where memory ran out"
        )
        super().__init__("dvc repro", reason, remedy)
        self.stage = stage


def reproduce(root: Path, confinement: Confinement = BEST_EFFORT, **options: bool) -> None:
    """Run `dvc repro` in a checkout, and record it.

    Files in DVC's folders that a crash or a full disk has damaged are set aside, and the run is tried once more. A
    stage that DVC skips in a fresh clone, since git has all its outputs, runs, too: else no run has made its entry.

    Args:
        root: the checkout.
        confinement: how stages are kept apart.
        options: DVC's own options, such as `pull`, `allow_missing`, `force`, `run_cache`. With `allow_missing`, stages
            that DVC skips stay skipped.

    Raises:
        StageError: a stage's command failed.
        VerdictError: DVC could not run the DAG for another reason.
    """
    try:
        _reproduce(root, confinement, **options)
    except StageError:
        raise
    except VerdictError as error:
        if not _repair(root, error.__cause__):
            raise
        _reproduce(root, confinement, **options)


def _reproduce(root: Path, confinement: Confinement, **options: bool) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import lock_repo

    clock = _Clock()
    logger = logging.getLogger("dvc")
    logger.setLevel(logging.INFO)  # as in DVC's command; the library alone logs nothing
    logger.addHandler(clock)
    try:
        # DVC names stages relative to the current folder; it reads dvc.yaml and dvc.lock again after each of its locks.
        with chdir(root), repository(root) as repo, lock_repo(repo), isolated(repo, confinement):
            ran = repo.reproduce(**options)
            if not options.get("allow_missing") and (unrecorded := _unrecorded(root, repo)):
                for name in unrecorded:
                    ran += repo.reproduce(name, single_item=True, force=True)
                ran += repo.reproduce(**options)  # the stages that depend on them, if their results changed
            if not ran:
                print("Data and pipelines are up to date.")
    except BaseException as error:  # Ctrl-C, too
        clock.drop_failed()
        if not isinstance(error, DvcException):
            raise
        raise _as_error(error) from error.__cause__
    finally:
        clock.stop()
        logger.removeHandler(clock)
        _save(root, clock.stages)


def _unrecorded(root: Path, repo: "Repo") -> list[str]:
    """Return the stages with all outputs in git whose lock entry is not in the run-cache."""
    entries, runs = _entries(root), Path(repo.stage_cache.cache_dir)
    return [
        stage.name
        for stage in repo.index.stages
        if stage.cmd and not any(out.use_cache for out in stage.outs)
        if stage.name in entries and not (runs / record_path(entries[stage.name])).is_file()
        if keeps_records(stage)
    ]


def _repair(root: Path, cause: BaseException | None) -> bool:
    """Set damaged files in DVC's own folders aside; return whether there were any."""
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            moved = set_damaged_aside(repo)
            if damaged := cause is not None and is_damaged(cause):
                forget_hashes(repo)
    except DvcException:
        return False
    for path, place in moved:
        print(f"{path} was damaged, and is set aside: {place}", file=sys.stderr)
    return damaged or bool(moved)


def _as_error(error: Exception) -> VerdictError:
    """Return an error of DVC as ours; a failed stage's with its name."""
    from dvc.stage.exceptions import StageCmdFailedError

    reason, cause = " ".join(str(error).split()), error.__cause__
    if cause and (more := one_line(cause)) not in reason:
        reason = f"{reason}: {more}"
    failed = _FAILED.search(reason)
    if failed and isinstance(cause, StageCmdFailedError):
        return StageError(failed[1], reason)
    return VerdictError("dvc repro", reason, _remedy(error, reason))


def _remedy(error: Exception, reason: str) -> str:
    from dvc.output import OutputDoesNotExistError
    from dvc.stage.exceptions import MissingDataSource
    from dvc.utils.serialize import ParseError

    if LOCK in reason:
        return f"git checkout {LOCK}, and the same again; in a merge git checkout --theirs {LOCK}"
    if isinstance(error, ParseError):
        return "mend the file that is named here; git diff shows what was changed in it"
    match error.__cause__:
        case MissingDataSource():
            return "dvc pull for what a remote has; python -I data/fetch.py, where there is one; else put the file back"
        case OutputDoesNotExistError():
            return "the stage's command has to write it, or dvc.yaml must not name it"
        case OSError():
            return "check that the path exists, is writable, and that the disk has room (df -h .)"
    return "dvc repro --verbose tells more; git status shows what was changed here"


def _entries(root: Path) -> dict[str, Any]:
    """Return the entries of dvc.lock; none if it cannot be read, which DVC itself reports."""
    try:
        return dict(lock_entries((root / LOCK).read_text(encoding="utf-8"), "this run"))
    except (OSError, ValueError, VerdictError):
        return {}


def _save(root: Path, stages: RunRecords) -> None:
    """Add the stages that ran to the record; a failed stage has no entry in the lock, and gets none."""
    if not stages:
        return
    entries, records = _entries(root), read_records(root)
    for name, outcome in stages.items():
        if name in entries:
            key = record_hash(entries[name])
            earlier = records.pop(key, {"seconds": None, **hardware()})
            records[key] = {**earlier, **outcome, **(hardware() if outcome["how"] == _RUN else {}), "stage": name}
    newest = dict(list(records.items())[-_MOST:])
    write_text(root / RECORD_FILE, json.dumps(newest, indent=1, allow_nan=False) + "\n")


def read_records(root: Path) -> RunRecords:
    """Return the records by hash of the lock entry, oldest first; empty if the file is missing or cannot be read."""
    try:
        records = json.loads((root / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}
