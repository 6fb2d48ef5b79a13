"""Check that dvc.lock is consistent with a tree, without its data and without running anything.

DVC cannot: `dvc status` exits with 0 whatever it finds, and needs the data; `dvc repro --dry --allow-missing` overlooks
added outputs, removed dependencies and left-over stages. Existing files are compared as `dvc status` does it, by DVC's
own hashes; absent data by their hashes in dvc.lock, pointers and listings. An invented lock can be consistent. With
`ran`, each entry must also be in the run-cache; only a reproduction is a proof.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.repo.dvc import keeps_records, repository
from verdict.repo.lock import committed_bytes
from verdict.repo.lock.contents import Contents
from verdict.repo.lock.entries import Entry
from verdict.repo.lock.finding import Finding, repro_command
from verdict.repo.lock.imports import Imports
from verdict.repo.lock.lockfile import (
    LOCK,
    list_differences,
    param_differences,
    read_failures,
    read_locks,
    unrecorded,
)
from verdict.repo.lock.stages import always_runs, file_deps, require_inside, revert_command, stage_name, update_command
from verdict.repo.lock.visibility import forbidden_reads

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage as DvcStage


@dataclass(frozen=True, slots=True)
class StageDefinition:
    """A stage as dvc.yaml defines it, templates resolved. `params` are the current values by file and key.

    `recorded`: whether DVC keeps a record of its runs.
    """

    name: str
    deps: tuple[str, ...]
    params: dict[str, dict[str, Any]]
    cached_outs: tuple[str, ...]
    tracked_outs: tuple[str, ...]
    recorded: bool = True


def check(root: Path, ran: bool = False, repo: "Repo | None" = None, cache: Path | None = None) -> list[Finding]:
    """Return every inconsistency between dvc.lock and the tree at `root`.

    Args:
        root: a checkout; neither data nor cache is needed.
        ran: also check that each entry is in the run-cache, that is, that a run has made it.
        repo: DVC's view of `root`, if it is open already.
        cache: the run-cache to search; by default that of `root`.
    """
    return check_with_unknown(root, ran, repo, cache)[0]


def check_with_unknown(
    root: Path, ran: bool = False, repo: "Repo | None" = None, cache: Path | None = None
) -> tuple[list[Finding], list[str]]:
    """Like `check`, with a list of what could not be compared without absent data, or their absent listing."""
    from dvc.exceptions import DvcException

    with nullcontext(repo) if repo else repository(root) as opened:
        try:
            stages = list(opened.index.stages)
        except (DvcException, TypeError) as error:  # TypeError: a param of a type that DVC does not take, as a date
            return read_failures(opened, error), []
        for stage in stages:
            require_inside(Path(opened.root_dir), stage)
        return _Check(opened, stages, cache).findings(ran)


def stage_definitions(root: Path, repo: "Repo | None" = None) -> list[StageDefinition]:
    """Return the stages of dvc.yaml in the order of their definition, as DVC resolves them."""
    from dvc.stage import PipelineStage

    def defined(stage: PipelineStage) -> StageDefinition:
        return StageDefinition(
            name=stage_name(stage),
            deps=tuple(dep.def_path for dep in file_deps(stage)),
            params={dep.def_path: dep.read_params() for dep in stage.params},
            cached_outs=tuple(out.def_path for out in stage.outs if out.use_cache),
            tracked_outs=tuple(out.def_path for out in stage.outs if not out.use_cache),
            recorded=keeps_records(stage),
        )

    with nullcontext(repo) if repo else repository(root) as opened:
        stages = list(opened.index.stages)
        for stage in stages:
            require_inside(Path(opened.root_dir), stage)
        return [defined(stage) for stage in stages if isinstance(stage, PipelineStage)]


def run_cache(root: Path) -> Path:
    """Return the folder in which DVC keeps a record of each run."""
    with repository(root) as repo:
        return Path(repo.stage_cache.cache_dir)


class _Check:
    """Compares one tree with its locks and pointers."""

    def __init__(self, repo: "Repo", stages: "list[DvcStage]", runs: Path | None) -> None:
        self.root, self.stages = Path(repo.root_dir), stages
        self.runs = runs or Path(repo.stage_cache.cache_dir)
        objects = [Path(repo.cache.local.path), self.runs.parent / "files" / "md5"]
        self.contents = Contents(repo, [out for stage in stages for out in stage.outs], objects)
        self.unknown: list[str] = []
        self.failed: set[DvcStage] = set()

    def findings(self, ran: bool) -> tuple[list[Finding], list[str]]:
        from dvc.stage import PipelineStage

        locked = [stage for stage in self.stages if isinstance(stage, PipelineStage)]
        locks, findings = read_locks(self.root, [Path(stage.path) for stage in locked])
        imports = Imports(self.root)
        findings += forbidden_reads(self.root, self.stages)
        for stage in self.stages:
            if stage in locked and not stage.frozen:
                command = "\n".join(stage.cmd) if isinstance(stage.cmd, list) else stage.cmd
                paths = [self._path(item) for item in [*file_deps(stage), *stage.outs]]
                folder = os.path.relpath(stage.wdir, self.root)
                findings += imports.findings(stage_name(stage), command, folder, paths)
            if stage not in locked:
                findings += self._or_dvc_error(stage, self._pointer_findings(stage))
            elif (path := Path(stage.path)) in locks:
                entry = locks[path].pop(stage.name, None)
                findings += self._or_dvc_error(stage, self._pipeline_findings(stage, entry, ran))
        for path, left_over in locks.items():
            file = path.relative_to(self.root).as_posix()
            lock = f"{file.removesuffix('.yaml')}.lock"
            for name in left_over:
                what = f"an entry for a stage that {file} does not have"
                address, mend = name if file == "dvc.yaml" else f"{file}:{name}", f"delete the entry {name} from {lock}"
                findings.append(Finding(address, lock, what, mend))
        self.unknown += [f"{path}: not looked through for imports: {reason}" for path, reason in imports.unread.items()]
        findings += committed_bytes.findings(self.root, self._tracked_paths(), self.contents.is_ignored)
        return findings, self.unknown

    def _or_dvc_error(self, stage: "DvcStage", findings: Iterator[Finding]) -> Iterator[Finding]:
        """Yield findings; one on DVC's error if DVC fails on a params file, a link or a .dvcignore in a dependency."""
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.build import IgnoreInCollectedDirError

        try:
            yield from findings
        except (DvcException, IgnoreInCollectedDirError, OSError) as error:
            self.failed.add(stage)
            what = f"DVC cannot compare it: {' '.join(str(error).split())}"
            yield Finding(stage_name(stage), "dvc.yaml", what, f"correct what that names, then {update_command(stage)}")

    def _pipeline_findings(self, stage: "DvcStage", entry: Entry | None, ran: bool) -> Iterator[Finding]:
        name = stage_name(stage)
        yield from always_runs(stage)
        if entry is None:
            yield Finding(name, LOCK, "the stage has no entry", update_command(stage))
            return
        if stage.cmd_changed:
            what = f"cmd is {stage.cmd!r}, the lock has {entry.get('cmd')!r}"
            yield Finding(name, "dvc.yaml", what, update_command(stage))
        yield from list_differences(stage, name, entry)
        if not stage.frozen:
            absent = [dep for dep in stage.params if not dep.exists and self.contents.is_data(dep.fs_path)]
            self.unknown += [f"{name}: {self._path(dep)}: not compared: takes data, not here" for dep in absent]
            yield from param_differences(stage, name, entry, {dep.def_path for dep in absent})
            yield from self._dependency_findings(stage)
        yield from self._output_findings(stage)
        if ran:
            yield from unrecorded(self.runs, stage, name, entry)

    def _pointer_findings(self, stage: "DvcStage") -> Iterator[Finding]:
        """Check a .dvc file, of `dvc add` or an import; an import's source is compared if it is in this tree."""
        name = stage_name(stage)
        yield from always_runs(stage)
        if stage.changed_stage():
            yield Finding(name, name, "was edited after its data came", update_command(stage))
        for out in stage.outs:
            if not out.hash_info:
                yield Finding(name, self._path(out), "its pointer has no hash of it", update_command(stage))
        if not stage.frozen:
            yield from self._dependency_findings(stage)
        yield from self._output_findings(stage)

    def _dependency_findings(self, stage: "DvcStage") -> Iterator[Finding]:
        """Compare each dependency's hash with its current one: a stage's output, a pointer's data, or a file in git."""
        name = stage_name(stage)
        for dep in file_deps(stage):
            locked = dep.hash_info.value
            if not locked or not dep.is_in_repo:  # an added one, which `list_differences` reports; or an import's
                continue
            path, out = self._path(dep), self.contents.output(dep.fs_path)
            written = out.hash_info.value if out else None
            if out and written and written != locked and out.hash_name == dep.hash_name:
                what = f"the lock has {locked[:8]}, {stage_name(out.stage)} has {written[:8]} for what it writes there"
                yield Finding(name, path, what, repro_command(name))
            elif (now := self.contents.current_hash(dep)) is None:
                if out and written and out.use_cache:
                    continue
                if self.contents.is_data(dep.fs_path):
                    self.unknown.append(f"{name}: {path}: not compared: takes data, or their listing, not here")
                else:
                    mend = repro_command(name) if out else committed_bytes.restore_command(self.root, path)
                    yield Finding(name, path, "a dependency that is not there", mend)
            elif now != locked:
                yield Finding(name, path, f"the lock has {locked[:8]}, it is {now[:8]}", repro_command(name))

    def _output_findings(self, stage: "DvcStage") -> Iterator[Finding]:
        """Compare outputs that git keeps (metrics, plots) and existing data with the hash of what was written."""
        name = stage_name(stage)
        for out in stage.outs:
            path, now, locked = self._path(out), self.contents.present_hash(out), out.hash_info.value
            if now is None and not out.use_cache:
                yield Finding(name, path, "an output that git should hold is not there", update_command(stage))
            elif now and locked and now != locked:
                holder = "the lock" if stage.cmd else name
                what = f"is {now[:8]}, {holder} has {locked[:8]}: edited, or of another run or version"
                yield Finding(name, path, what, revert_command(stage, path) if out.use_cache else update_command(stage))

    def _tracked_paths(self) -> Iterator[committed_bytes.TrackedPath]:
        """Yield the dependencies and outputs that git keeps, with the files that count for their hash."""
        for stage in (stage for stage in self.stages if stage.cmd and stage not in self.failed):
            for out in (out for out in stage.outs if not out.use_cache):
                yield committed_bytes.TrackedPath(
                    stage_name(stage), self._path(out), tuple(self.contents.files(out)), True
                )
            for dep in [] if stage.frozen else file_deps(stage):
                if self.contents.output_around(dep.fs_path):
                    continue
                files = [file for file in self.contents.files(dep) if not self.contents.output_around(file)]
                yield committed_bytes.TrackedPath(stage_name(stage), self._path(dep), tuple(files), False)

    def _path(self, item: "Output") -> str:
        return Path(os.path.relpath(item.fs_path, self.root)).as_posix()
