"""Check by dvc.lock that a metrics file is of the data that params.yaml names; no data are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verdict.base import documents
from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.base.paths import PARAMS
from verdict.repo.lock.contents import hash_of
from verdict.repo.lock.entries import Entry, lock_entries
from verdict.repo.lock.lockfile import LOCK

_REMEDY = "verdict repro"
# The groups that define what is scored; a metrics file may be of another model's params.
_DATA_GROUPS = ("data", "split")


def require_current_metrics(root: Path, path: str) -> None:
    """Refuse a metrics file that is not of the data in params.yaml, as after an interrupted run.

    A file that dvc.lock does not name passes.

    Raises:
        VerdictError: the file was edited, or its inputs have changed since.
    """
    lock = root / LOCK
    if not lock.is_file():
        return
    entries = lock_entries(lock.read_text(encoding="utf-8"), "this folder", _REMEDY)
    written = {out["path"]: (name, out["md5"]) for name, entry in entries.items() for out in _items(entry, "outs")}
    if path not in written or not (root / path).is_file():
        return
    stage, digest = written[path]
    if hash_of(root / path) != digest:
        raise VerdictError(path, f"is not the file that dvc.lock has of {stage}: edited, or of another run", _REMEDY)
    params = documents.read(root / PARAMS, f"git diff {PARAMS}")
    if reason := next(_reasons(root, stage, entries, written, params), None):
        raise VerdictError(path, f"its figures are of other data: {reason}", _REMEDY)


def _reasons(
    root: Path, stage: str, entries: dict[str, Entry], written: dict[str, tuple[str, str]], params: dict[str, Any]
) -> Iterator[str]:
    """Yield why a stage's outputs are not of the data in params.yaml, upstream stages first."""
    for name in reversed(_with_upstream(stage, entries, written)):
        yield from _changed_params(entries[name], params)
        yield from _changed_deps(root, name, entries[name], written)


def _with_upstream(stage: str, entries: dict[str, Entry], written: dict[str, tuple[str, str]]) -> list[str]:
    """Return the stage, with all stages that it depends on."""
    stages = [stage]
    for name in stages:
        makers = (written[dep["path"]][0] for dep in _items(entries[name], "deps") if dep["path"] in written)
        stages += dict.fromkeys(maker for maker in makers if maker not in stages)
    return stages


def _changed_params(entry: Entry, params: dict[str, Any]) -> Iterator[str]:
    locked = entry.get("params", {}).get(PARAMS, {})
    for group in (group for group in _DATA_GROUPS if group in locked):
        old, new = flatten({group: locked[group]}), flatten({group: params.get(group)})
        for key in dict.fromkeys([*new, *old]):
            if old.get(key) != new.get(key):
                yield f"{key} is {new.get(key)!r:.80}, and was {old.get(key)!r:.80}"


def _changed_deps(root: Path, stage: str, entry: Entry, written: dict[str, tuple[str, str]]) -> Iterator[str]:
    for dep in _items(entry, "deps"):
        path, digest = dep["path"], dep.get("md5")
        maker, current = written.get(path) or (f"{path}.dvc", _pointer_hash(root, path))
        if current and current != digest:
            yield f"{stage} has not run since {maker} changed {path}"


def _pointer_hash(root: Path, path: str) -> str:
    """Return the hash in the pointer beside a path; empty if there is none."""
    pointer = root / f"{path}.dvc"
    if not pointer.is_file():
        return ""
    outs = documents.read(pointer, f"git diff {path}.dvc").get("outs") or [{}]
    return str(outs[0].get("md5", ""))


def _items(entry: Entry, kind: str) -> list[dict[str, Any]]:
    return entry.get(kind) or []
