"""Derive a change's prepared data by main's code: a change cannot choose its own test set.

The change brings raw data and settings, and main's stages `prepare` and `validate` make the tables. Where raw data and
settings are main's, main's own tables are expected, and nothing runs.
"""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.documents import dump
from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.base.paths import DATASET, PARAMS
from verdict.repo.environment import child_environment
from verdict.repo.lock.contents import hash_of
from verdict.repo.raw_data import DATA_GROUPS, RawData, raw_data
from verdict.repo.revisions import Revision, Store, checked_out
from verdict.review.data import PREPARED
from verdict.review.tables import bounded_table

SUMMARY = "metrics/data.json"
# The files of the data that training and readers get: bytes count, since a hidden column could carry the test split.
FILES = (*PREPARED.values(), DATASET, "data/prepared/dropped.json", SUMMARY)
_STAGES = ("prepare", "validate")
# Raw data is untrusted: a few kilobytes can unpack to more than any disk or memory holds.
_MOST_SECONDS, _MOST_OF_FILE = 600, 10_000_000_000
_SHARE = 0.6  # of the machine's memory


@dataclass(frozen=True)
class Derived:
    """The differences between the change's files and those of main's code, one line each, and the latter's source."""

    differences: list[str]
    source: str


def same_source(base: Revision, candidate: Revision) -> bool:
    """True if both sides prepare the same raw data with the same settings."""
    groups = [{name: side.params.get(name) for name in DATA_GROUPS} for side in (base, candidate)]
    return groups[0] == groups[1] and raw_data(base) == raw_data(candidate)


def compare_with_derived(store: Store, base: Revision, candidate: Revision) -> Derived:
    """Compare the files of a change with those that main's code derives from its raw data and settings.

    Raises:
        VerdictError: the raw data, or a table to compare, is neither here nor on the remote.
    """
    if same_source(base, candidate):
        expected = {path: base.outputs[path] for path in FILES if path in base.outputs}
        lines = [_difference(store, candidate, path, base) for path in _mismatches(candidate, expected)]
        return Derived(lines, "the raw data and settings are main's")
    with checked_out(base) as tree:
        reason = _run(store, base, candidate, tree)
        expected = {path: hash_of(tree / path) for path in FILES if (tree / path).is_file()}
        lines = [_difference(store, candidate, path, tree) for path in _mismatches(candidate, expected)]
    return Derived([reason, *lines] if reason else lines, "main's code derives them from the change's raw data")


def _run(store: Store, base: Revision, candidate: Revision, tree: Path) -> str:
    """Run main's stages in a checkout of main, on the change's data; return the reason where one failed."""
    raw = raw_data(candidate)
    source = _obtain_raw_data(store, candidate, raw)
    for path in FILES:  # main's own metrics are in git
        (tree / path).unlink(missing_ok=True)
    _link(tree, raw, source, candidate)
    others = {name: group for name, group in base.params.items() if name not in DATA_GROUPS}
    settings = {name: candidate.params[name] for name in DATA_GROUPS if name in candidate.params}
    (tree / PARAMS).write_text(dump({**others, **settings}), encoding="utf-8")
    for stage in _STAGES:
        if reason := _run_stage(tree, stage):
            return f"main's stage {stage} refuses them: {reason}"
    return ""


def _link(tree: Path, raw: RawData, source: Path, candidate: Revision) -> None:
    """Link the change's raw data into a checkout of main; refuse a path that main has a file at."""
    target = tree / raw.tracked
    where, what = f"{raw.pointer} of {candidate.name}", f"main has a file where it puts data: {raw.tracked}"
    parents = [tree / str(folder) for folder in Path(raw.tracked).parents]
    if os.path.lexists(target) or any(folder.is_symlink() for folder in parents):
        raise VerdictError(where, what, "another name for the data")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())


def _run_stage(tree: Path, stage: str) -> str:
    """Run one stage in a process with limits of time, memory and disk; return its error output where it failed."""
    command = [sys.executable, "-I", "-m", f"stages.{stage}"]
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    texts: dict[str, Any] = {"encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, cwd=tree, env=child_environment(), **streams, **texts) as process:
        _limit(process.pid)
        try:
            _, stderr = process.communicate(timeout=_MOST_SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"not done after {_MOST_SECONDS} s"
    if not process.returncode:
        return ""
    return " ".join(stderr.split())[-600:] or f"exit code {process.returncode}"


def _limit(pid: int) -> None:
    """Limit a process's memory and file sizes, where the system can."""
    import psutil

    if hasattr(resource, "prlimit"):
        most = int(psutil.virtual_memory().total * _SHARE)
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_MOST_OF_FILE, _MOST_OF_FILE))


def _obtain_raw_data(store: Store, candidate: Revision, raw: RawData) -> Path:
    """The raw data that the change's pointer names, by hash: from the working tree, the cache, or the remote."""
    is_folder, here = raw.digest.endswith(".dir"), store.root / raw.tracked
    if is_folder and here.is_dir() and hash_of(here) == raw.digest:
        return here
    entry: dict[str, Any] = {"outs": [{"path": raw.tracked, "md5": raw.digest}]}
    pinned = Revision(candidate.root, candidate.name, candidate.commit, json.dumps({"stages": {"raw": entry}}))
    return store.folder(pinned, raw.tracked) if is_folder else store.file(pinned, raw.tracked)


def _mismatches(candidate: Revision, expected: dict[str, str]) -> list[str]:
    """The files whose hashes are not the expected ones; of the summary the file in git counts, too."""
    paths = [path for path, digest in expected.items() if candidate.outputs.get(path) != digest]
    summary = hashlib.md5((candidate.text(SUMMARY) or "").encode(), usedforsecurity=False).hexdigest()
    return paths if SUMMARY in paths or expected.get(SUMMARY, summary) == summary else [*paths, SUMMARY]


def _difference(store: Store, candidate: Revision, path: str, source: Path | Revision) -> str:
    """Describe how a file differs from that of a folder or a revision: in its rows, or only in its bytes."""
    name = Path(path).name
    if not path.endswith(".parquet"):
        return f"{name}: other content"
    remedy = "dvc repro prepare"
    expected = store.file(source, path) if isinstance(source, Revision) else source / path
    old, new = read_table(expected, remedy), bounded_table(store.file(candidate, path), remedy)
    if not set(old) <= set(new) or not new[list(old)].equals(old):
        return f"{name}: other rows"
    surplus = [column for column in new if column not in old]
    return f"{name}: the same rows in other bytes" + (f", and a column {surplus[0]!r:.80}" if surplus else "")
