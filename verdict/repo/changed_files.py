"""List the changed files that can affect a result: all but the harmless ones that no DAG names.

A list of relevant files would never be complete: a module that dvc.yaml forgot, a library's pin, a workflow, a file
that a library would import. So only harmless files are listed; a change of any other is run and judged.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS, TEST_SET
from verdict.repo.git import git
from verdict.repo.lock.entries import Entry, lock_entries
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.revisions import Revision

# Prose, code owners and settings of editors, hooks and dependabot are for people. Tests and benchmarks are run apart,
# sweeps start from main's spec files. Stages, the review and main's workflows cannot import any: they are `python -I`.
_HARMLESS = re.compile(
    r"docs/.*|(.*/)?[^/]+\.md|LICENSE|CITATION\.cff|\.github/(CODEOWNERS|dependabot\.yml)|\.pre-commit-config\.yaml"
    r"|\.devcontainer/devcontainer\.json|(tests|benchmarks|dev)/.*|sweeps/[^/]+\.yaml"
)
# The raw data needs no entry: its pointer ends in .dvc.
_DEFINING = (LOCK, PARAMS, TEST_SET)
_FOLDERS = (".dvc/",)
_LINK, _SUBMODULE = "120000", "160000"  # git's modes


def affecting_results(base: Revision, candidate: Revision) -> list[str]:
    """Return the files that differ between two commits, without the harmless ones that neither DAG names."""
    revisions = [name for name in (base.commit, candidate.commit) if name]
    listed = git(base.root, "diff", "--name-only", "--no-renames", "-z", *revisions, "--").split("\0")
    return _select(listed, (base, candidate), _is_not_harmless)


def relevant(paths: Iterable[str], *sides: Revision) -> list[str]:
    """Return those of `paths` that the DAG of a side reads, writes or is defined by."""
    return _select(paths, sides, _defines_dag)


def _select(paths: Iterable[str], sides: tuple[Revision, ...], is_relevant: Callable[[str], bool]) -> list[str]:
    """Return those of `paths` that are relevant by their own path, or that the DAG of a side names."""
    dag_paths = [_dag_paths(side, is_relevant) for side in sides]
    if None in dag_paths:  # a DAG cannot be read, so any file may matter
        return [path for path in paths if path]
    known = set[str]().union(*filter(None, dag_paths))
    return [path for path in paths if path and (is_relevant(path) or is_within(path, known))]


def ignored_inputs(tree: Revision) -> set[str]:
    """Return the files that stages read, by the tree's dvc.lock, and that no stage writes and no pointer names."""
    outs, deps = (_lock_paths(tree, part) for part in ("outs", "deps"))
    return {path for path in deps if (tree.root / path).is_file() and not _is_produced(tree, path, outs)}


def _is_produced(tree: Revision, path: str, outs: set[str]) -> bool:
    return any(name in outs or (tree.root / f"{name}.dvc").is_file() for name in _with_parents(path))


def _defines_dag(path: str) -> bool:
    # DVC and git read such files in every folder.
    everywhere = path.endswith((".dvc", "dvc.yaml", ".dvcignore", ".gitattributes"))
    return everywhere or path in _DEFINING or path.startswith(_FOLDERS)


def _is_not_harmless(path: str) -> bool:
    return _defines_dag(path) or not _HARMLESS.fullmatch(path)


def is_within(path: str, paths: set[str]) -> bool:
    """Return whether a file is one of `paths`, or lies in one."""
    return not paths.isdisjoint(_with_parents(path))


def _with_parents(path: str) -> list[str]:
    return [path, *map(str, PurePosixPath(path).parents)]


def _with_link_targets(revision: Revision, paths: set[str], is_relevant: Callable[[str], bool]) -> set[str]:
    """Return `paths`, with the targets of links and the submodules that hold a file: git keeps these elsewhere."""
    if revision.commit is None:
        return paths
    entries = git(revision.root, "ls-tree", "-r", "-z", revision.commit).split("\0")
    splits = (line.partition("\t") for line in entries if line.startswith((_LINK, _SUBMODULE)))
    special = {path: fields.split() for fields, _, path in splits}
    known = set(paths)
    while special:
        parents = {str(parent) for path in known for parent in PurePosixPath(path).parents}
        reached = [path for path in special if path in parents or is_relevant(path) or is_within(path, known)]
        if not reached:
            break
        for path in reached:
            mode, _, digest = special.pop(path)
            target = git(revision.root, "cat-file", "blob", digest) if mode == _LINK else posixpath.basename(path)
            known.add(_join(posixpath.dirname(path), target))
    return known


def _join(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _dags(revision: Revision) -> Iterator[tuple[str, dict[str, Any], dict[str, Entry]]]:
    """Yield each dvc.yaml that has a dvc.lock: its folder, its content, and the entries of the lock.

    A stage that dvc.lock lacks is new in dvc.yaml, whose change is relevant by itself.
    """
    listing = ("ls-files", "--cached", "--others", "--exclude-standard")
    if revision.commit is not None:
        listing = ("ls-tree", "-r", "--name-only", revision.commit)
    names = git(revision.root, listing[0], "-z", *listing[1:]).split("\0")
    yield "", revision.document("dvc.yaml") or {}, revision.stages
    for folder in sorted({posixpath.dirname(name) for name in names if name.endswith(f"/{LOCK}")}):
        if (text := revision.text(f"{folder}/{LOCK}")) is not None and revision.text(f"{folder}/dvc.yaml") is not None:
            yield folder, revision.document(f"{folder}/dvc.yaml") or {}, lock_entries(text, revision.name)


def _wdir(dag: dict[str, Any], stage: str) -> str:
    """Return the folder that a stage runs in, relative to its dvc.yaml; paths in dvc.lock are relative to it."""
    body = (dag.get("stages") or {}).get(stage.partition("@")[0]) or {}
    return str((body.get("do") or body).get("wdir") or ".")


def _lock_paths(revision: Revision, *parts: str) -> set[str]:
    """Return the paths in parts of the lock entries: `deps`, `outs`, `params`."""
    all_paths = set[str]()
    for folder, dag, entries in _dags(revision):
        for name, entry in entries.items():
            items = (item for part in parts for item in entry.get(part) or [])
            paths = (item["path"] if isinstance(item, dict) else item for item in items)
            all_paths |= {_join(_join(folder, _wdir(dag, name)), path) for path in paths}
    return all_paths


def _dag_paths(revision: Revision, is_relevant: Callable[[str], bool]) -> set[str] | None:
    """Return the paths that dvc.lock names, and the files of dvc.yaml's variables; None if these cannot be read."""
    try:
        all_paths = _lock_paths(revision, "deps", "outs", "params")
        for folder, dag, entries in _dags(revision):
            if any("${" in _wdir(dag, name) for name in entries):
                return None
            bodies = [dag, *(body.get("do") or body for body in (dag.get("stages") or {}).values())]
            # `vars` lists files, files with some of their keys after a colon, or values.
            variables = [
                (body, source) for body in bodies for source in body.get("vars") or [] if isinstance(source, str)
            ]
            files = ((_join(folder, str(body.get("wdir") or ".")), source.split(":")[0]) for body, source in variables)
            all_paths |= {_join(*place) for place in files}
        return _with_link_targets(revision, all_paths, is_relevant)
    except (VerdictError, TypeError, KeyError, AttributeError):
        return None
