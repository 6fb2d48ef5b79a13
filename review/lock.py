"""Is dvc.lock consistent with this tree? Asked of the files alone: no data is needed, and nothing is run.

DVC itself does not tell: `dvc status` exits with 0 whatever it finds, `dvc repro --dry --allow-missing` overlooks added
outputs, removed dependencies and left-over stages. Consistent is not yet true: an invented lock can be consistent. With
`ran`, each entry must also stand in the run-cache; and only a reproduction tells for sure.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from classifier.errors import VerdictError
from review.dvc import keeps_records, repository

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage as DvcStage

LOCK = "dvc.lock"
_CONFLICT_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ")
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One inconsistency: the stage, the file or key at fault, what is wrong, and the command that mends it."""

    stage: str
    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.where}: {self.what}\n  mend: {self.mend}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as dvc.yaml defines it today, templates resolved. `params` are today's values by file and key.

    `recorded` says whether DVC keeps a record of its runs.
    """

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: dict[str, dict[str, Any]]
    cached_outs: tuple[str, ...]
    tracked_outs: tuple[str, ...]
    recorded: bool = True


def check(root: Path, ran: bool = False, repo: "Repo | None" = None, cache: Path | None = None) -> list[Finding]:
    """Every inconsistency between dvc.lock and the tree at `root`; empty when there is none.

    Args:
        root: a checkout; neither data nor cache is needed.
        ran: also ask whether each entry stands in the run-cache, that is, whether it ever came out of a run.
        repo: DVC's view of `root`, where it is there already.
        cache: the run-cache to ask; by default that of `root`.
    """
    from dvc.exceptions import DvcException

    lock, findings = _read_lock(root)
    if findings:
        return findings
    pointers, findings = _pointers(root)
    if findings:
        return findings
    try:
        stages = definitions(root, repo)
    except DvcException as error:
        reason = " ".join(str(error).split())
        return [Finding("all", "dvc.yaml, dvc.lock", f"DVC cannot read them: {reason}", "git diff dvc.yaml dvc.lock")]
    produced = {path: (name, hash_) for name, entry in lock.items() for path, hash_ in _hashes(entry, "outs").items()}
    for stage in stages:
        if stage.name not in lock:
            findings.append(Finding(stage.name, LOCK, "the stage has no entry", f"dvc repro {stage.name}"))
            continue
        entry = lock[stage.name]
        findings.extend(_definition(stage, entry))
        findings.extend(_dependencies(root, stage, entry, produced, pointers))
        findings.extend(_tracked_outputs(root, stage, entry))
        if ran:
            findings.extend(_never_run(cache or run_cache(root), stage, entry))
    left_over = sorted(set(lock) - {stage.name for stage in stages})
    mend = f"delete the entry from {LOCK}, then dvc repro"
    findings.extend(Finding(name, LOCK, "an entry for a stage that dvc.yaml does not have", mend) for name in left_over)
    return findings


def definitions(root: Path, repo: "Repo | None" = None) -> list[Stage]:
    """The stages of dvc.yaml in the order of the DAG's definition, as DVC itself resolves them."""
    from dvc.dependency.param import ParamsDependency
    from dvc.stage import PipelineStage

    def defined(stage: PipelineStage) -> Stage:
        params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
        return Stage(
            name=stage.name,
            cmd=stage.cmd,
            deps=tuple(dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)),
            params={dep.def_path: dep.read_params() for dep in params},
            cached_outs=tuple(out.def_path for out in stage.outs if out.use_cache),
            tracked_outs=tuple(out.def_path for out in stage.outs if not out.use_cache),
            recorded=keeps_records(stage),
        )

    with nullcontext(repo) if repo else repository(root) as opened:
        stages = list(opened.index.stages)
        for stage in stages:
            _require_inside(Path(opened.root_dir).resolve(), stage)
        return [defined(stage) for stage in stages if isinstance(stage, PipelineStage)]


def _require_inside(root: Path, stage: "DvcStage") -> None:
    """Refuse a path outside the repository before anything is read there; a template shows it only now."""
    for item in [*stage.deps, *stage.outs]:
        inside = item.protocol == "local" and Path(os.path.normpath(item.fs_path)).is_relative_to(root)
        if not inside or type(item).__name__ in ("RepoDependency", "DatasetDependency", "DbDependency"):
            what = f"{item.def_path} leads out of the repository"
            raise VerdictError(str(stage.addressing), what, "name files of the repository; data by a pointer (dvc add)")


def _read_lock(root: Path) -> tuple[dict[str, Entry], list[Finding]]:
    """The entries of dvc.lock by stage, or why there are none."""

    def unreadable(what: str, mend: str) -> tuple[dict[str, Entry], list[Finding]]:
        return {}, [Finding("all", LOCK, what, mend)]

    try:
        text = (root / LOCK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return unreadable("no such file", "dvc repro")
    if any(line.startswith(_CONFLICT_MARKS) for line in text.splitlines()):
        return unreadable("holds the marks of a merge conflict", f"git checkout --theirs {LOCK}, then dvc repro")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return unreadable(f"not YAML: {' '.join(str(error).split())}", f"git checkout {LOCK}, then dvc repro")
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(entry, dict) for entry in stages.values()):
        return unreadable("has no stages, or one without an entry", f"git checkout {LOCK}, then dvc repro")
    return stages, []


def _pointers(root: Path) -> tuple[dict[str, str], list[Finding]]:
    """The hash of each path that a .dvc file points at."""
    found: dict[str, str] = {}
    for path in sorted([*root.glob("*.dvc"), *root.glob("data/**/*.dvc")]):
        if not path.is_file():
            continue
        name = path.relative_to(root).as_posix()
        try:
            (out,) = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]
            found[(path.parent / out["path"]).relative_to(root).as_posix()] = out["md5"]
        except (yaml.YAMLError, TypeError, KeyError, ValueError):
            return {}, [Finding("data", name, "not a pointer of DVC", f"git checkout {name}")]
    return found, []


def _hashes(entry: Entry, part: str) -> dict[str, str]:
    return {item["path"]: item.get("md5", "") for item in entry.get(part) or []}


def _definition(stage: Stage, entry: Entry) -> Iterator[Finding]:
    """Command, params, and the lists of dependencies and outputs."""
    mend = f"dvc repro {stage.name}"
    if entry.get("cmd") != stage.cmd:
        yield Finding(stage.name, "dvc.yaml", f"cmd is {stage.cmd!r}, the lock has {entry.get('cmd')!r}", mend)
    locked_params = entry.get("params") or {}
    for file in sorted({*stage.params, *locked_params}):
        now, then = stage.params.get(file, {}), locked_params.get(file) or {}
        for key in sorted({*now, *then}):
            if key not in now or key not in then:
                side = "the lock does not have" if key in now else "the stage does not read any more"
                yield Finding(stage.name, f"{file}, {key}", f"a param that {side}", mend)
            elif now[key] != then[key]:
                yield Finding(stage.name, f"{file}, {key}", f"is {now[key]!r}, the lock has {then[key]!r}", mend)
    outs = {*stage.cached_outs, *stage.tracked_outs}
    for part, defined in (("deps", set(stage.deps)), ("outs", outs)):
        locked = set(_hashes(entry, part))
        for path in sorted(defined ^ locked):
            side = "which the lock does not have" if path in defined else "which dvc.yaml does not have any more"
            yield Finding(stage.name, path, f"one of the {part}, {side}", f"dvc repro -f {stage.name}")


def _dependencies(
    root: Path, stage: Stage, entry: Entry, produced: dict[str, tuple[str, str]], pointers: dict[str, str]
) -> Iterator[Finding]:
    """Each dependency's hash against what it is now: another stage's output, a pointer's data, or a file in git."""
    for path, locked in _hashes(entry, "deps").items():
        if path not in stage.deps:
            continue
        if path in produced:
            producer, now = produced[path]
            origin, mend = f"what {producer} wrote", f"dvc repro {stage.name}"
        elif path in pointers:
            now, origin, mend = pointers[path], "what its .dvc file points at", "dvc repro"
        elif inside := next((out for out in [*produced, *pointers] if path.startswith(f"{out}/")), None):
            what = f"stands inside {inside}, so that its hash cannot be checked without the data"
            yield Finding(stage.name, path, what, f"in dvc.yaml, make it an output of its own, or depend on {inside}")
            continue
        elif (root / path).exists():
            now, origin, mend = hash_of(root / path), "the file", f"dvc repro {stage.name}"
        else:
            yield Finding(stage.name, path, "a dependency that is not there", f"git checkout {path}")
            continue
        if now != locked:
            yield Finding(stage.name, path, f"the lock has {locked[:8]}, {origin} is {now[:8]}", mend)


def _tracked_outputs(root: Path, stage: Stage, entry: Entry) -> Iterator[Finding]:
    """Outputs that git keeps (metrics, plots) against the hashes recorded when they were written."""
    recorded = _hashes(entry, "outs")
    for path in stage.tracked_outs:
        if not (root / path).exists():
            yield Finding(stage.name, path, "an output that git should hold is not there", f"dvc repro {stage.name}")
        elif path in recorded and hash_of(root / path) != recorded[path]:
            what = (
                f"is {hash_of(root / path)[:8]}, the lock has {recorded[path][:8]}: edited, or written by another run"
            )
            yield Finding(stage.name, path, what, f"dvc repro -f {stage.name}")


def run_cache(root: Path) -> Path:
    """Where DVC keeps a record of each run."""
    with repository(root) as repo:
        return Path(repo.stage_cache.cache_dir)


def _never_run(folder: Path, stage: Stage, entry: Entry) -> Iterator[Finding]:
    """Whether the run-cache `folder`, where each run leaves a record, has this very entry."""
    if not stage.recorded:
        what = "DVC keeps no record of its runs, so whether it ran cannot be told"
        yield Finding(stage.name, "dvc.yaml", what, "give it deps, and outputs that are cached, metrics or plots")
    elif not (folder / record_place(entry)).is_file():
        what = "this entry is not in the run-cache: it never came out of a run that this cache knows"
        # Where git has all outputs, `dvc repro` finds nothing to do in a fresh clone.
        run = f"dvc repro -f {stage.name}" if stage.cached_outs else "python -m review repro"
        yield Finding(stage.name, LOCK, what, f"dvc fetch --run-cache, or {run}")


def record_place(entry: Entry) -> Path:
    """Where, in the run-cache, a run that led to this entry has left its record."""
    key = record_hash({**entry, "outs": [out["path"] for out in entry.get("outs") or []]})
    return Path(key[:2], key, record_hash(entry))


def record_hash(entry: Entry) -> str:
    """DVC's name of a run-cache record: the SHA-256 of the entry without sizes, as sorted JSON."""
    return hashlib.sha256(json.dumps(_without_sizes(entry), sort_keys=True).encode()).hexdigest()


def _without_sizes(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: _without_sizes(item) for key, item in value.items() if key not in ("size", "nfiles")}
    return [_without_sizes(item) for item in value] if isinstance(value, list) else value


def hash_of(path: Path) -> str:
    """The MD5 of a file or folder as DVC records it."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    entries = [
        {"md5": hash_of(file), "relpath": file.relative_to(path).as_posix()}
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"
