"""Check what stages may read: the raw data are for prepare alone, the test split for validate and evaluate.

The score of a model whose training saw the test split, or the raw data, means nothing. A stage cannot read what it does
not declare (verdict/repo/isolation); this module finds what it must not declare, nor get from another stage.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.paths import ARTIFACT, PRETRAINED, TEST, VALIDATION_SPLIT
from verdict.repo.lock.finding import Finding
from verdict.repo.lock.stages import stage_name
from verdict.repo.raw_data import RAW_FOLDER, declared_path, paths_overlap

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

PREPARE, VALIDATE, EVALUATE = "prepare", "validate", "evaluate"
_READERS = {TEST: (VALIDATE, EVALUATE), ".dvc": (), ".git": ()}  # prepare alone reads the raw data
SEEING = (PREPARE, VALIDATE, EVALUATE)  # the stages that see the test split
# What these stages may hand to others: the gate compares it with what main's code writes.
_CHECKED_OUTS = (
    "data/prepared/train.parquet",
    VALIDATION_SPLIT,
    "data/prepared/dataset.json",
    "data/prepared/dropped.json",
    "metrics/data.json",
)
_MODEL = (ARTIFACT, "data/validation", "metrics/validation.json")


def forbidden_reads(root: Path, stages: "Sequence[Stage]", hashes: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield the files that a DAG shows to a stage that must not see them.

    Args:
        root: the repository's root.
        stages: all stages that DVC has found there, with pointers.
        hashes: hashes of further guarded data, such as main's.
    """
    dag = _Dag(root, stages)
    yield from dag.declared()
    yield from dag.copied({*hashes, *dag.hashes()})
    yield from dag.passed_on()


def guarded_hashes(root: Path, stages: "Sequence[Stage]") -> set[str]:
    """Return the hashes of the raw data and of the test split."""
    return _Dag(root, stages).hashes()


def storage_folders(repo: "Repo") -> list[str]:
    """Return the folders where DVC keeps objects on this machine: its cache, and remotes that are folders."""
    urls = (str(remote.get("url", "")) for remote in repo.config["remote"].values())
    folders = [str(repo.cache.local.path), *(url for url in urls if url and "://" not in url)]
    return [os.path.normpath(Path(repo.dvc_dir) / folder) for folder in folders]


class _Dag:
    def __init__(self, root: Path, stages: "Sequence[Stage]") -> None:
        self.root, self.stages = root, stages
        # DVC runs an import, too: it copies the data.
        running = {stage_name(stage): stage for stage in stages if stage.cmd or stage.is_import}
        self.deps = {
            name: [
                *(self._path(dep) for dep in stage.deps if dep.protocol == "local"),
                PRETRAINED,
            ]  # the last visible to every stage
            for name, stage in running.items()
        }
        self.outs = {name: [self._path(out) for out in stage.outs] for name, stage in running.items()}
        self.raw = self._raw()

    def _raw(self) -> set[str]:
        """Return the paths of raw data: the default one, that of params.yaml, and pointers' outputs around them."""
        named = {RAW_FOLDER, *filter(None, [declared_path(self.root)])}
        tracked = {self._path(out) for stage in self.stages if not stage.cmd for out in stage.outs}
        paths = named | {out for out in tracked if any(paths_overlap(out, path) for path in named)}
        return {path for path in paths if not any(path.startswith(f"{other}/") for other in paths)}

    def _is_guarded(self, out: "Output") -> bool:
        path = self._path(out)
        return any(path == place or path.startswith(f"{place}/") for place in (*self.raw, TEST))

    def hashes(self) -> set[str]:
        return {
            str(out.hash_info.value)
            for stage in self.stages
            for out in stage.outs
            if out.hash_info and self._is_guarded(out)
        }

    def declared(self) -> Iterator[Finding]:
        """Yield dependencies, with params files, that only other stages may read."""
        folders = [place for stage in self.stages[:1] for place in storage_folders(stage.repo)]
        raw = dict.fromkeys(sorted(self.raw), (PREPARE,))
        closed = {**{os.path.relpath(place, self.root): () for place in folders}, **raw, **_READERS}
        for name, deps in self.deps.items():
            for path in deps:
                for place, readers in closed.items():
                    if name not in readers and paths_overlap(path, place):
                        allowed = f"only {' and '.join(readers)}" if readers else "no stage"
                        yield _finding(name, path, f"shows {place}, which {allowed} may read")

    def copied(self, hashes: set[str]) -> Iterator[Finding]:
        """Yield pointers to guarded data under another name."""
        for stage in (stage for stage in self.stages if not stage.cmd):
            for out in stage.outs:
                if out.hash_info and out.hash_info.value in hashes and not self._is_guarded(out):
                    what = f"has the content of the raw data or of {TEST} under another name"
                    yield Finding(stage_name(stage), self._path(out), what, f"git rm {stage_name(stage)}")

    def passed_on(self) -> Iterator[Finding]:
        """Yield paths by which the model gets, or could get, something from a stage that has seen the test split."""
        makers = {name: path for path in _MODEL for name in self._makers(path)}
        for name in (name for name in SEEING if name in makers):
            what = f"is written by {name}, which sees what no training may see"
            yield Finding(name, makers[name], what, "write it in a stage of its own, in dvc.yaml, then dvc repro")
        for name in sorted(self._upstream(set(makers)) - {*SEEING}):
            for path in self.deps[name]:
                if path not in _CHECKED_OUTS and (seen := self._makers(path) & {*SEEING}):
                    what = f"was written by {seen.pop()}, which has seen {TEST}"
                    yield _finding(name, path, what)
        if EVALUATE in self.deps and self._makers(ARTIFACT) - self._upstream({EVALUATE}):
            what = f"evaluate does not read {ARTIFACT}: it could run before it, and hand on what it saw"
            yield Finding(EVALUATE, "dvc.yaml", what, f"name {ARTIFACT} among the deps of evaluate in dvc.yaml")

    def _upstream(self, names: set[str]) -> set[str]:
        """Return stages, with all that they depend on."""
        stages, new = set(names), set(names)
        while new:
            new = {maker for name in new for path in self.deps[name] for maker in self._makers(path)} - stages
            stages |= new
        return stages

    def _makers(self, path: str) -> set[str]:
        return {name for name, outs in self.outs.items() if any(paths_overlap(path, out) for out in outs)}

    def _path(self, item: "Output") -> str:
        return os.path.relpath(item.fs_path, self.root)


def _finding(name: str, path: str, what: str) -> Finding:
    mend = f"take it out of the deps of {name} in dvc.yaml, then dvc repro {name}"
    return Finding(name, path, what, f"git rm {name}" if name.endswith(".dvc") else mend)
