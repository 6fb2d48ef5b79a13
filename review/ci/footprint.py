"""Which changed files can reach a result: what the DAG reads or writes, and what defines it.

Where none of them changed, both sides have the same results by construction, and nothing needs to run.
"""

from pathlib import PurePosixPath

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
    sides = [_paths(base), _paths(candidate)]
    if None in sides:  # nobody can say what the DAG reads, so anything may matter
        return [path for path in listed if path]
    paths = set[str]().union(*(side for side in sides if side))
    return [path for path in listed if path and _matters(path, paths)]


def _matters(path: str, paths: set[str]) -> bool:
    # DVC and git read such files in every folder.
    if path.endswith((".dvc", "dvc.yaml", ".dvcignore", ".gitattributes")):
        return True
    if path in _DEFINING or path.startswith(_FOLDERS):
        return True
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return path in paths or any(parent in paths for parent in parents)


def _paths(revision: Revision) -> set[str] | None:
    """The dependencies and outputs in dvc.lock; None when it cannot be read.

    What dvc.lock does not have yet stands in dvc.yaml, whose change counts by itself.
    """
    try:
        entries = revision.stages.values()
        return {item["path"] for entry in entries for part in ("deps", "outs") for item in entry.get(part) or []}
    except (VerdictError, TypeError, KeyError):
        return None
