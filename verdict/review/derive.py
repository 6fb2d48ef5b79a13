"""What the stages `prepare` and `validate` give for a change, by main's code: nobody deals themselves their test set.

The change brings raw data and settings, and main's code makes the tables of them. Where both are main's, main's own
tables are what is expected, and nothing runs.
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.documents import dump
from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.repo.environment import environment
from verdict.repo.lock.check import hash_of
from verdict.repo.revisions import PARAMS, Revision, Store, checked_out
from verdict.repo.sources import RAW
from verdict.review.data import PREPARED
from verdict.review.tables import bounded_table

POINTER = f"{RAW}.dvc"
SUMMARY = "metrics/data.json"
# What training and readers are given of the data: bytes count, since a hidden column could carry the test split.
FILES = (*PREPARED.values(), "data/prepared/dropped.json", SUMMARY)
_GROUPS = ("prepare", "validate")
_MOST_SECONDS = 600


@dataclass(frozen=True)
class Derived:
    """How the change's files differ from those of main's code, one line a file, and where those come from."""

    differences: list[str]
    source: str


def same_source(main: Revision, own: Revision) -> bool:
    """Whether both sides prepare the same raw data with the same settings."""
    groups = [{name: side.params.get(name) for name in _GROUPS} for side in (main, own)]
    return main.text(POINTER) == own.text(POINTER) and groups[0] == groups[1]


def derived(store: Store, main: Revision, own: Revision) -> Derived:
    """Compare the files of a change with those that main's code derives from its raw data and settings.

    Raises:
        VerdictError: the raw data, or a table to be looked at, cannot be had.
    """
    if same_source(main, own):
        wanted = {path: main.outputs[path] for path in FILES if path in main.outputs}
        lines = [_told(store, own, path, store.file(main, path)) for path in _unlike(own, wanted)]
        return Derived(lines, "the raw data and settings are main's")
    with checked_out(main) as tree:
        reason = _run(store, main, own, tree)
        wanted = {path: hash_of(tree / path) for path in FILES if (tree / path).is_file()}
        lines = [_told(store, own, path, tree / path) for path in _unlike(own, wanted)]
    return Derived([reason, *lines] if reason else lines, "main's code derives them from the change's raw data")


def _run(store: Store, main: Revision, own: Revision, tree: Path) -> str:
    """Run main's stages in a checkout of main, on the change's data; why they could not go on, if so."""
    raw = raw_data(store, own)
    for path in FILES:  # main's own metrics are in git
        (tree / path).unlink(missing_ok=True)
    (tree / RAW).parent.mkdir(parents=True, exist_ok=True)
    (tree / RAW).symlink_to(raw.resolve())
    others = {name: group for name, group in main.params.items() if name not in _GROUPS}
    settings = {name: own.params[name] for name in _GROUPS if name in own.params}
    (tree / PARAMS).write_text(dump({**others, **settings}), encoding="utf-8")
    for stage in _GROUPS:
        if reason := _run_stage(tree, stage):
            return f"main's stage {stage} refuses them: {reason}"
    return ""


def _run_stage(tree: Path, stage: str) -> str:
    """Run one stage as a program of its own; what it said, where it failed."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", f"stages.{stage}"],
            cwd=tree,
            env=environment(),
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {_MOST_SECONDS} s"
    said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    return said[-600:] if done.returncode else ""


def raw_data(store: Store, own: Revision) -> Path:
    """The raw data that the change's pointer names, by hash: of the working tree, the cache, or the remote."""
    digest = pointed(own)
    if (store.root / RAW).is_dir() and hash_of(store.root / RAW) == digest:
        return store.root / RAW
    entry: dict[str, Any] = {"outs": [{"path": RAW, "md5": digest}]}
    pinned = Revision(own.root, own.name, own.commit, json.dumps({"stages": {"raw": entry}}))
    return store.folder(pinned, RAW)


def pointed(own: Revision) -> str:
    """The hash that data/raw.dvc has."""
    try:
        (out,) = own.document(POINTER)["outs"]
        return str(out["md5"])
    except (TypeError, KeyError, ValueError):
        raise VerdictError(f"{POINTER} of {own.name}", "not a pointer of DVC", "git diff data/raw.dvc") from None


def _unlike(own: Revision, wanted: dict[str, str]) -> list[str]:
    """The files whose hashes are others than the wanted ones; of the summary the file in git counts, too."""
    found = [path for path, digest in wanted.items() if own.outputs.get(path) != digest]
    shown = hashlib.md5((own.text(SUMMARY) or "").encode(), usedforsecurity=False).hexdigest()
    return found if SUMMARY in found or wanted.get(SUMMARY, shown) == shown else [*found, SUMMARY]


def _told(store: Store, own: Revision, path: str, theirs: Path) -> str:
    """How a file differs: in its rows, or only in how they are written down."""
    name = Path(path).name
    if not path.endswith(".parquet"):
        return f"{name}: other content"
    remedy = "dvc repro prepare"
    old, new = read_table(theirs, remedy), bounded_table(store.file(own, path), remedy)
    if not set(old) <= set(new) or not new[list(old)].equals(old):
        return f"{name}: other rows"
    surplus = [column for column in new if column not in old]
    return f"{name}: the same rows in other bytes" + (f", and a column {surplus[0]!r:.80}" if surplus else "")
