"""What the stages `prepare` and `validate` give for a change, by main's code: nobody deals themselves their test set.

The change brings raw data and settings, and main's code makes the tables of them. Where both are main's, main's own
tables are what is expected, and nothing runs.
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
from verdict.repo.lock.check import hash_of
from verdict.repo.raw_data import DATA_GROUPS, RawData, raw_data
from verdict.repo.revisions import Revision, Store, checked_out
from verdict.review.data import PREPARED
from verdict.review.tables import bounded_table

SUMMARY = "metrics/data.json"
# What training and readers are given of the data: bytes count, since a hidden column could carry the test split.
FILES = (*PREPARED.values(), DATASET, "data/prepared/dropped.json", SUMMARY)
_STAGES = ("prepare", "validate")
# Raw data is a stranger's: a few kilobytes of it can be unpacked to more than any disk or memory holds.
_MOST_SECONDS, _MOST_OF_FILE = 600, 10_000_000_000
_SHARE = 0.6  # of the machine's memory


@dataclass(frozen=True)
class Derived:
    """How the change's files differ from those of main's code, one line a file, and where those come from."""

    differences: list[str]
    source: str


def same_source(main: Revision, own: Revision) -> bool:
    """Whether both sides prepare the same raw data with the same settings."""
    groups = [{name: side.params.get(name) for name in DATA_GROUPS} for side in (main, own)]
    return groups[0] == groups[1] and raw_data(main) == raw_data(own)


def compare_with_derived(store: Store, main: Revision, own: Revision) -> Derived:
    """Compare the files of a change with those that main's code derives from its raw data and settings.

    Raises:
        VerdictError: the raw data, or a table to be looked at, cannot be had.
    """
    if same_source(main, own):
        wanted = {path: main.outputs[path] for path in FILES if path in main.outputs}
        lines = [_difference(store, own, path, main) for path in _unlike(own, wanted)]
        return Derived(lines, "the raw data and settings are main's")
    with checked_out(main) as tree:
        reason = _run(store, main, own, tree)
        wanted = {path: hash_of(tree / path) for path in FILES if (tree / path).is_file()}
        lines = [_difference(store, own, path, tree) for path in _unlike(own, wanted)]
    return Derived([reason, *lines] if reason else lines, "main's code derives them from the change's raw data")


def _run(store: Store, main: Revision, own: Revision, tree: Path) -> str:
    """Run main's stages in a checkout of main, on the change's data; why they could not go on, if so."""
    raw = raw_data(own)
    source = obtain_raw_data(store, own, raw)
    for path in FILES:  # main's own metrics are in git
        (tree / path).unlink(missing_ok=True)
    _place(tree, raw, source, own)
    others = {name: group for name, group in main.params.items() if name not in DATA_GROUPS}
    settings = {name: own.params[name] for name in DATA_GROUPS if name in own.params}
    (tree / PARAMS).write_text(dump({**others, **settings}), encoding="utf-8")
    for stage in _STAGES:
        if reason := _run_stage(tree, stage):
            return f"main's stage {stage} refuses them: {reason}"
    return ""


def _place(tree: Path, raw: RawData, source: Path, own: Revision) -> None:
    """Put the change's raw data at its place in a checkout of main, where nothing of main's may lie."""
    target = tree / raw.tracked
    where, what = f"{raw.pointer} of {own.name}", f"main has a file where it puts data: {raw.tracked}"
    parents = [tree / str(folder) for folder in Path(raw.tracked).parents]
    if os.path.lexists(target) or any(folder.is_symlink() for folder in parents):
        raise VerdictError(where, what, "another name for the data")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())


def _run_stage(tree: Path, stage: str) -> str:
    """Run one stage as a program of its own, with a limit of time, memory and disk; what it said, where it failed."""
    command = [sys.executable, "-I", "-m", f"stages.{stage}"]
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    texts: dict[str, Any] = {"encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, cwd=tree, env=child_environment(), **streams, **texts) as process:
        _limit(process.pid)
        try:
            _, said = process.communicate(timeout=_MOST_SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"not done after {_MOST_SECONDS} s"
    told = " ".join(said.split())[-600:] or f"exit code {process.returncode}"
    return told if process.returncode else ""


def _limit(pid: int) -> None:
    """Bound what a process can ask for; where the system has no such call, time alone is bounded."""
    import psutil

    if hasattr(resource, "prlimit"):
        most = int(psutil.virtual_memory().total * _SHARE)
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_MOST_OF_FILE, _MOST_OF_FILE))


def obtain_raw_data(store: Store, own: Revision, raw: RawData) -> Path:
    """The raw data that the change's pointer names, by hash: of the working tree, the cache, or the remote."""
    is_folder, here = raw.digest.endswith(".dir"), store.root / raw.tracked
    if is_folder and here.is_dir() and hash_of(here) == raw.digest:
        return here
    entry: dict[str, Any] = {"outs": [{"path": raw.tracked, "md5": raw.digest}]}
    pinned = Revision(own.root, own.name, own.commit, json.dumps({"stages": {"raw": entry}}))
    return store.folder(pinned, raw.tracked) if is_folder else store.file(pinned, raw.tracked)


def _unlike(own: Revision, wanted: dict[str, str]) -> list[str]:
    """The files whose hashes are others than the wanted ones; of the summary the file in git counts, too."""
    found = [path for path, digest in wanted.items() if own.outputs.get(path) != digest]
    shown = hashlib.md5((own.text(SUMMARY) or "").encode(), usedforsecurity=False).hexdigest()
    return found if SUMMARY in found or wanted.get(SUMMARY, shown) == shown else [*found, SUMMARY]


def _difference(store: Store, own: Revision, path: str, theirs: Path | Revision) -> str:
    """How a file differs from that in a folder or a revision: in its rows, or only in how they are written down."""
    name = Path(path).name
    if not path.endswith(".parquet"):
        return f"{name}: other content"
    remedy = "dvc repro prepare"
    expected = store.file(theirs, path) if isinstance(theirs, Revision) else theirs / path
    old, new = read_table(expected, remedy), bounded_table(store.file(own, path), remedy)
    if not set(old) <= set(new) or not new[list(old)].equals(old):
        return f"{name}: other rows"
    surplus = [column for column in new if column not in old]
    return f"{name}: the same rows in other bytes" + (f", and a column {surplus[0]!r:.80}" if surplus else "")
