"""Which changed files can reach a result: what the DAG reads or writes, and what defines it.

Where none of them changed, both sides have the same results by construction, and nothing needs to run.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from classifier.errors import VerdictError
from review.git import git
from review.lock import LOCK
from review.revisions import PARAMS, Revision

# The raw data needs no entry: its pointer ends in .dvc.
_DEFINING = (LOCK, PARAMS)
_FOLDERS = (".dvc/",)


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
    made = {str(item["path"]) for item in _entries(tree, ("outs",))}
    read = {str(item["path"]) for item in _entries(tree, ("deps",))}
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


def _entries(revision: Revision, parts: Iterable[str] = ("deps", "outs")) -> list[dict[str, Any]]:
    """The dependencies and outputs in dvc.lock; `VerdictError` when it cannot be read.

    What dvc.lock does not have yet stands in dvc.yaml, whose change counts by itself.
    """
    return [item for entry in revision.stages.values() for part in parts for item in entry.get(part) or []]


def _paths(revision: Revision) -> set[str] | None:
    """What dvc.lock says that stages read and write, and the files of dvc.yaml's variables; None: cannot be read."""
    try:
        found = {item["path"] for item in _entries(revision)}
        dag = revision.document("dvc.yaml") or {}
        bodies = [dag, *(dag.get("stages") or {}).values()]
        # A list of what defines variables: a file, a file with some of its keys behind a colon, or values themselves.
        named = [name for body in bodies for name in body.get("vars") or [] if isinstance(name, str)]
        params = (entry.get("params") or {} for entry in revision.stages.values())
        return found.union(*params, (name.split(":")[0] for name in named))
    except (VerdictError, TypeError, KeyError, AttributeError):
        return None
