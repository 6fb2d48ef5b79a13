"""Which changed files can reach a result: what the DAG reads or writes, and what defines it.

Where none of them changed, both sides have the same results by construction, and nothing needs to run.
"""

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from classifier.errors import VerdictError
from review.entries import Entry, stages_of
from review.git import git
from review.lock import LOCK
from review.paths import TEST_SET
from review.revisions import PARAMS, Revision

# The raw data needs no entry: its pointer ends in .dvc.
_DEFINING = (LOCK, PARAMS, TEST_SET)
_FOLDERS = (".dvc/",)
_LINK, _SUBMODULE = "120000", "160000"  # git's modes


def touched(base: Revision, candidate: Revision) -> list[str]:
    """The files that differ between two commits and that the DAG reads, writes or is defined by."""
    revisions = [name for name in (base.commit, candidate.commit) if name]
    listed = git(base.root, "diff", "--name-only", "--no-renames", "-z", *revisions, "--").split("\0")
    return relevant(listed, base, candidate)


def relevant(paths: Iterable[str], *sides: Revision) -> list[str]:
    """Those of some files that the DAG of a side reads, writes or is defined by."""
    named = [_paths(side) for side in sides]
    if None in named:  # nobody can say what the DAG reads, so anything may matter
        return [path for path in paths if path]
    known = set[str]().union(*(found for found in named if found))
    return [path for path in paths if path and _matters(path, known)]


def ignored_inputs(tree: Revision) -> set[str]:
    """The files of a working tree that stages read, by its dvc.lock, and that neither a stage nor a pointer brings."""
    made, read = (_named(tree, part) for part in ("outs", "deps"))
    return {path for path in read if (tree.root / path).is_file() and not _is_brought(tree, path, made)}


def _is_brought(tree: Revision, path: str, made: set[str]) -> bool:
    above = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
    return any(name in made or (tree.root / f"{name}.dvc").is_file() for name in above)


def _matters(path: str, paths: set[str]) -> bool:
    # DVC and git read such files in every folder.
    if path.endswith((".dvc", "dvc.yaml", ".dvcignore", ".gitattributes")):
        return True
    if path in _DEFINING or path.startswith(_FOLDERS):
        return True
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return path in paths or any(parent in paths for parent in parents)


def _with_what_is_behind(revision: Revision, paths: set[str]) -> set[str]:
    """These, and what git keeps elsewhere of them: what a link leads to, and the submodule that holds a file."""
    if revision.commit is None:
        return paths
    listed = git(revision.root, "ls-tree", "-r", "-z", revision.commit).split("\0")
    parts = (line.partition("\t") for line in listed if line.startswith((_LINK, _SUBMODULE)))
    special = {path: head.split() for head, _, path in parts}
    found, above = set(paths), set[str]()
    while special:
        above = {str(parent) for path in found for parent in PurePosixPath(path).parents}
        near = [path for path in special if path in above or _matters(path, found)]
        if not near:
            break
        for path in near:
            mode, _, name = special.pop(path)
            target = git(revision.root, "cat-file", "blob", name) if mode == _LINK else posixpath.basename(path)
            found.add(_joined(posixpath.dirname(path), target))
    return found


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _dags(revision: Revision) -> Iterator[tuple[str, dict[str, Any], dict[str, Entry]]]:
    """Each dvc.yaml that has a dvc.lock: its folder, its content, and the entries of the lock.

    What dvc.lock does not have yet stands in dvc.yaml, whose change counts by itself.
    """
    listing = ("ls-files", "--cached", "--others", "--exclude-standard")
    if revision.commit is not None:
        listing = ("ls-tree", "-r", "--name-only", revision.commit)
    names = git(revision.root, listing[0], "-z", *listing[1:]).split("\0")
    yield "", revision.document("dvc.yaml") or {}, revision.stages
    for folder in sorted({posixpath.dirname(name) for name in names if name.endswith(f"/{LOCK}")}):
        if (text := revision.text(f"{folder}/{LOCK}")) is not None and revision.text(f"{folder}/dvc.yaml") is not None:
            yield folder, revision.document(f"{folder}/dvc.yaml") or {}, stages_of(text, revision.name)


def _wdir(dag: dict[str, Any], stage: str) -> str:
    """Where a stage runs, from the folder of its dvc.yaml; what dvc.lock says of it counts from there."""
    body = (dag.get("stages") or {}).get(stage.partition("@")[0]) or {}
    return str((body.get("do") or body).get("wdir") or ".")


def _named(revision: Revision, *parts: str) -> set[str]:
    """The paths in parts of the lock entries: dependencies, outputs, params files."""
    found = set[str]()
    for folder, dag, entries in _dags(revision):
        for name, entry in entries.items():
            items = (item for part in parts for item in entry.get(part) or [])
            paths = (item["path"] if isinstance(item, dict) else item for item in items)
            found |= {_joined(_joined(folder, _wdir(dag, name)), path) for path in paths}
    return found


def _paths(revision: Revision) -> set[str] | None:
    """What dvc.lock says that stages read and write, and the files of dvc.yaml's variables; None: cannot be read."""
    try:
        found = _named(revision, "deps", "outs", "params")
        for folder, dag, entries in _dags(revision):
            if any("${" in _wdir(dag, name) for name in entries):
                return None
            bodies = [dag, *(dag.get("stages") or {}).values()]
            # A list of what defines variables: a file, one with some of its keys behind a colon, or values themselves.
            named = [name for body in bodies for name in body.get("vars") or [] if isinstance(name, str)]
            found |= {_joined(folder, name.split(":")[0]) for name in named}
        return _with_what_is_behind(revision, found)
    except (VerdictError, TypeError, KeyError, AttributeError):
        return None
