"""Read dvc.lock, explain why it cannot be read, and compare its entries with the stages of dvc.yaml."""

import hashlib
import json
import os
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.repo.dvc import keeps_records
from verdict.repo.git import run_git
from verdict.repo.lock.entries import Entry, lock_entries
from verdict.repo.lock.finding import Finding, repro_command

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage as DvcStage

LOCK = "dvc.lock"
_CONFLICT_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ")


def read_locks(root: Path, definitions: Iterable[Path]) -> tuple[dict[Path, dict[str, Entry]], list[Finding]]:
    """Return the entries of the dvc.lock beside each dvc.yaml, by its path; the root's dvc.lock is read in any case."""
    locks: dict[Path, dict[str, Entry]] = {}
    findings = []
    defining = set(definitions)
    for path in sorted({*defining, root / "dvc.yaml"}):
        lock = path.with_suffix(".lock")
        if lock.exists() or path in defining:
            entries = _read(root, lock)
            if isinstance(entries, Finding):
                findings.append(entries)
            else:
                locks[path] = entries
    return locks, findings


def _read(root: Path, path: Path) -> dict[str, Entry] | Finding:
    """Return the entries of a dvc.lock by stage, or the finding that it cannot be read."""
    name = path.relative_to(root).as_posix()
    place = shlex.quote(name)
    again = f"rm {place} && dvc repro"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Finding("all", name, "no such file", "dvc repro" if name == LOCK else repro_command(f"{name[:-4]}yaml"))
    except UnicodeDecodeError as error:
        return Finding("all", name, f"not text: {error}", again)
    if any(line.startswith(_CONFLICT_MARKS) for line in text.splitlines()):
        merging = run_git(root, "ls-files", "--unmerged", "--", name).stdout
        mend = f"git checkout --theirs -- {place} && dvc repro" if merging else again
        return Finding("all", name, "holds the marks of a merge conflict", mend)
    try:
        return lock_entries(text, "the working tree")
    except VerdictError as error:
        return Finding("all", name, error.what, again)


def read_failures(repo: "Repo", raised: Exception) -> list[Finding]:
    """Return a finding for each file that DVC cannot read, with its reason; DVC itself stops at the first."""
    from dvc.repo.index import Index

    root, findings = Path(repo.root_dir), list[Finding]()

    def failure(name: str, error: Exception) -> Finding:
        reason = " ".join(f"{error}: {error.__cause__}".removesuffix(": None").split())
        return Finding("all", name, f"DVC cannot read it: {reason}", "correct what that names, then dvc repro")

    def explain(place: str, error: Exception) -> None:
        path = Path(os.path.abspath(place))  # noqa: PTH100 - DVC's path is relative to the current folder, not resolved
        name = path.relative_to(root).as_posix()
        finding = failure(name, error)
        lock = path.with_suffix(".lock")
        entries = _read(root, lock) if path.suffix != ".dvc" and lock.exists() else None
        if path.suffix == ".dvc":
            finding = replace(finding, stage="data", mend=_pointer_remedy(root, name))
        elif isinstance(entries, Finding):
            finding = entries
        elif lock.name in finding.what:
            place = lock.relative_to(root).as_posix()
            finding = replace(finding, where=place, mend=f"rm {shlex.quote(place)} && dvc repro")
        findings.append(finding)

    try:
        Index.from_repo(repo, onerror=explain)
    except TypeError as error:
        findings.append(failure("dvc.yaml, params.yaml", error))
    return findings or [failure("dvc.yaml", raised)]


def _pointer_remedy(root: Path, name: str) -> str:
    """Return the command for the last commit's pointer; if there is none, for a new one to the data beside it."""
    if run_git(root, "cat-file", "-e", f"HEAD:./{name}").returncode == 0:
        unchanged = run_git(root, "diff", "--quiet", "HEAD", "--", name).returncode == 0
        return f"correct {name}" if unchanged else shlex.join(["git", "checkout", "HEAD", "--", name])
    data = name.removesuffix(".dvc")
    if not (root / data).exists():
        return f"correct {name}"
    return f"{shlex.join(['rm', name])} && {shlex.join(['dvc', 'add', data])}"


def list_differences(stage: "DvcStage", name: str, entry: Entry) -> Iterator[Finding]:
    """Yield dependencies and outputs that only one of dvc.yaml and the lock has."""
    deps = [] if stage.frozen else [dep for dep in stage.deps if dep not in stage.params]
    for part, items in (("deps", deps), ("outs", stage.outs)):
        defined = {item.def_path for item in items}
        locked = {item["path"] for item in entry.get(part) or []}
        for path in sorted(defined ^ locked if items or not stage.frozen else ()):
            side = "which the lock does not have" if path in defined else "which dvc.yaml does not have any more"
            mend = repro_command(name) if path in defined else rerun_command(name)
            yield Finding(name, path, f"one of the {part}, {side}", mend)


def rerun_command(name: str) -> str:
    """Return the command that runs a stage, but not its upstream: DVC overlooks surplus items of an entry."""
    return f"{repro_command(name, '-f', '-s')} && dvc repro"


def param_differences(stage: "DvcStage", name: str, entry: Entry, absent: Collection[str] = ()) -> Iterator[Finding]:
    """Compare params by file and key with those of the lock, as DVC does.

    Files in `absent`, since a stage writes them, are not compared.
    """
    for dep in stage.params:
        if dep.def_path in absent:
            continue
        if not dep.exists:
            yield Finding(name, dep.def_path, "a params file that is not there", f"bring back {dep.def_path}")
            continue
        current, locked = dep.read_params(), dep.hash_info.value or {}
        changed = dep.status()
        for key in (key for states in changed.values() for key in (states if isinstance(states, dict) else current)):
            if key not in current:
                what, mend = "a param that is not there", f"bring it back, or take it out of the params of {name}"
                if not dep.params:
                    mend = repro_command(name)
            elif key not in locked:
                what, mend = "a param that the lock does not have", repro_command(name)
            else:
                what, mend = f"is {current[key]!r}, the lock has {locked[key]!r}", repro_command(name)
                # nan, or a tuple in a group
                if json.dumps(current[key], default=str) == json.dumps(locked[key], default=str):
                    mend = f"in {dep.def_path}, write a value that DVC finds the same when it reads it, then {mend}"
            yield Finding(name, f"{dep.def_path}, {key}", what, mend)
    read = {dep.def_path: dep.params for dep in stage.params}
    for file, keys in (entry.get("params") or {}).items():
        for key in sorted(keys if file not in read else set(keys) - set(read[file]) if read[file] else ()):
            what = "a param that the stage does not read any more"
            yield Finding(name, f"{file}, {key}", what, rerun_command(name))


def unrecorded(runs: Path, stage: "DvcStage", name: str, entry: Entry) -> Iterator[Finding]:
    """Yield a finding if the run-cache `runs`, where each run leaves a record, does not have this entry."""
    if not keeps_records(stage):
        what = "DVC keeps no record of its runs, so whether it ran cannot be told"
        yield Finding(name, "dvc.yaml", what, "give it deps, and outputs that are cached, metrics or plots")
    elif not (runs / record_path(entry)).is_file():
        what = "this entry is not in the run-cache: it never came out of a run that this cache knows"
        # `dvc repro` does nothing in a fresh clone if git has all outputs.
        run = rerun_command(name) if any(out.use_cache for out in stage.outs) else "verdict repro"
        yield Finding(name, LOCK, what, f"dvc fetch --run-cache, or {run}")


def record_path(entry: Entry) -> Path:
    """Return the path, in the run-cache, of the record of a run that led to this entry."""
    key = record_hash({**entry, "outs": [out["path"] for out in entry.get("outs") or []]})
    return Path(key[:2], key, record_hash(entry))


def record_hash(entry: Entry) -> str:
    """Return DVC's name of a run-cache record: the SHA-256 of the entry without sizes, as sorted JSON."""
    return hashlib.sha256(json.dumps(_without_sizes(entry), sort_keys=True).encode()).hexdigest()


def _without_sizes(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: _without_sizes(item) for key, item in value.items() if key not in ("size", "nfiles")}
    return [_without_sizes(item) for item in value] if isinstance(value, list) else value
