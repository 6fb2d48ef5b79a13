"""`verdict repro`: `dvc repro`, and a record of what ran, how long, on what, and what came from the cache.

DVC keeps no times. The record lies in .dvc/tmp, by the hash of the lock entry that a stage led to: of another result it
says nothing, and of one that came back from the run-cache, how long it once took.
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
from verdict.repo.damage import set_damaged_aside
from verdict.repo.dvc import forget_hashes, is_damaged, keeps_records, repository
from verdict.repo.hardware import hardware
from verdict.repo.isolation.sandbox import BEST_EFFORT, Confinement, isolated
from verdict.repo.lock.check import LOCK, record_hash, record_path
from verdict.repo.lock.entries import lock_entries

if TYPE_CHECKING:
    from dvc.repo import Repo

RECORD_FILE = Path(".dvc/tmp/verdict-runs.json")
_RUN = "ran"
_MOST = 500  # entries, oldest first out
RunRecords = dict[str, dict[str, Any]]
_RAN = re.compile(r"Running stage '([^']+)'")
_FAILED = re.compile(r"failed to reproduce '([^']+)'")
_RESTORED = re.compile(r"Stage '([^']+)' is cached - skipping run")


class _Clock(logging.Handler):
    """Listens to what DVC says, and notes when a stage began and when the next thing was said."""

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
        remedy = (
            "see what the stage itself said above; a file or module that it did not find must stand in its deps in"
            " dvc.yaml, or it cannot be read; a code below 0 is a signal, -9 also where memory ran out"
        )
        super().__init__("dvc repro", reason, remedy)
        self.stage = stage


def reproduce(root: Path, confinement: Confinement = BEST_EFFORT, **how: bool) -> None:
    """Run `dvc repro` here, and record it.

    What a crash or a full disk has damaged in DVC's own folders is set aside, and tried once more. A stage that DVC
    skips in a fresh clone, since git has all its outputs, runs, too: else no run would vouch for its lock entry.

    Args:
        root: the checkout.
        confinement: how stages are kept apart.
        how: DVC's own options, such as `pull`, `allow_missing`, `force`, `run_cache`. With `allow_missing`, what DVC
            skips is skipped.

    Raises:
        StageError: a stage's command failed.
        VerdictError: DVC could not run the DAG for another reason.
    """
    try:
        _reproduce(root, confinement, **how)
    except StageError:
        raise
    except VerdictError as error:
        if not _mended(root, error.__cause__):
            raise
        _reproduce(root, confinement, **how)


def _reproduce(root: Path, confinement: Confinement, **how: bool) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import lock_repo

    clock = _Clock()
    logger = logging.getLogger("dvc")
    logger.setLevel(logging.INFO)  # as the command has it; the library alone says nothing
    logger.addHandler(clock)
    try:
        # DVC names stages as they are seen from here; it reads dvc.yaml and dvc.lock anew after each of its locks.
        with chdir(root), repository(root) as repo, lock_repo(repo), isolated(repo, confinement):
            ran = repo.reproduce(**how)
            if not how.get("allow_missing") and (unrecorded := _unrecorded(root, repo)):
                for name in unrecorded:
                    ran += repo.reproduce(name, single_item=True, force=True)
                ran += repo.reproduce(**how)  # what depends on them, if they came out otherwise
            if not ran:
                print("Data and pipelines are up to date.")
    except BaseException as error:  # Ctrl-C, too
        clock.forget()
        if not isinstance(error, DvcException):
            raise
        raise _as_error(error) from error.__cause__
    finally:
        clock.stop()
        logger.removeHandler(clock)
        _keep(root, clock.stages)


def _unrecorded(root: Path, repo: "Repo") -> list[str]:
    """Stages all of whose outputs git has, and that the run-cache does not know with this lock entry."""
    entries, runs = _entries(root), Path(repo.stage_cache.cache_dir)
    return [
        stage.name
        for stage in repo.index.stages
        if stage.cmd and not any(out.use_cache for out in stage.outs)
        if stage.name in entries and not (runs / record_path(entries[stage.name])).is_file()
        if keeps_records(stage)
    ]


def _mended(root: Path, cause: BaseException | None) -> bool:
    """Whether something in DVC's own folders was damaged, and is out of the way now."""
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
    """What went wrong in words of ours; a failed stage by its name."""
    from dvc.stage.exceptions import StageCmdFailedError

    reason, cause = " ".join(str(error).split()), error.__cause__
    if cause and (more := " ".join(str(cause).split()) or type(cause).__name__) not in reason:
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
    """The entries of dvc.lock; none where it cannot be read, which DVC itself tells."""
    try:
        return dict(lock_entries((root / LOCK).read_text(encoding="utf-8"), "this run"))
    except (OSError, ValueError, VerdictError):
        return {}


def _keep(root: Path, stages: RunRecords) -> None:
    """Add what ran to the record; a stage that failed has no entry in the lock, and leaves none."""
    from verdict.base.files import write_text

    if not stages:
        return
    entries, kept = _entries(root), read_records(root)
    for name, found in stages.items():
        if name in entries:
            key = record_hash(entries[name])
            earlier = kept.pop(key, {"seconds": None, **hardware()})
            kept[key] = {**earlier, **found, **(hardware() if found["how"] == _RUN else {}), "stage": name}
    newest = dict(list(kept.items())[-_MOST:])
    write_text(root / RECORD_FILE, json.dumps(newest, indent=1, allow_nan=False) + "\n")


def read_records(root: Path) -> RunRecords:
    """The record by hash of the lock entry, oldest first; empty where there is none or it cannot be read."""
    try:
        found = json.loads((root / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
