"""The raw data of a revision: the file or folder that params.yaml names, and its DVC pointer.

Both may come from a stranger, and are written below a folder of this machine: a path that leads out of it is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS

if TYPE_CHECKING:
    from verdict.repo.revisions import Revision

# The groups of params.yaml that define the rows, their columns and the test split.
DATA_GROUPS = ("data", "split", "validate")
# The default folder of raw data: only prepare may read it, whatever params.yaml says.
RAW_FOLDER = "data/raw"
_TREE = "data"
_NAME = r"\w[\w.-]{0,99}"
_PATH = re.compile(rf"{_TREE}(/{_NAME}){{1,6}}")
# The raw data that a run may hand over to the judge.
TABLE_PATH = re.compile(rf"{_TREE}(/{_NAME}){{0,5}}/{_NAME}\.(?i:(csv|tsv|jsonl|parquet)(\.gz)?)")
# Folders that stages write, and those that all of them may read.
_RESERVED = tuple(f"{_TREE}/{name}" for name in ("prepared", "features", "predictions", "validation", "start"))


@dataclass(frozen=True)
class RawData:
    """The path in `data.path`, and the path that its pointer tracks, the same or a parent; `digest` is DVC's hash."""

    path: str
    tracked: str
    digest: str

    @property
    def pointer(self) -> str:
        """The pointer's path."""
        return f"{self.tracked}.dvc"


def data_path(params: object, where: str) -> str:
    """Return the value of `data.path`: a path below `data/` that no stage writes.

    Args:
        params: the unchecked content of params.yaml.
        where: the name of that file in messages.

    Raises:
        VerdictError: there is no such value, or it is another path.
    """
    group = params.get("data") if isinstance(params, Mapping) else None
    path = group.get("path") if isinstance(group, Mapping) else None
    remedy = f"a file or folder such as {RAW_FOLDER}/reviews.csv, tracked by dvc add"
    if not isinstance(path, str):
        raise VerdictError(where, "names no data.path", remedy)
    if not _PATH.fullmatch(path) or ".." in path or path.endswith(".dvc"):
        what = f"data.path is {path[:100]!r}: not a path below {_TREE}/ of letters, digits, dots, _ and -"
        raise VerdictError(where, what, remedy)
    if taken := [reserved for reserved in _RESERVED if paths_overlap(path, reserved)]:
        raise VerdictError(where, f"data.path is {path[:100]!r}, and {taken[0]} is what stages write or share", remedy)
    return path


def declared_path(root: Path) -> str | None:
    """Return the `data.path` of the params.yaml in a folder; None if the file or the key is missing."""
    try:
        params = read(root / PARAMS, f"git diff {PARAMS}")
    except FileNotFoundError:
        return None
    return data_path(params, PARAMS) if isinstance(params, dict) and "data" in params else None


def raw_data(revision: "Revision") -> RawData:
    """Return the raw data of a revision.

    Raises:
        VerdictError: params.yaml names none, or DVC tracks neither the path nor a parent of it.
    """
    path = data_path(revision.params, f"{PARAMS} of {revision.name}")
    for tracked in _with_parents(path):
        if revision.text(f"{tracked}.dvc") is not None:
            return RawData(path, tracked, _digest(revision, tracked))
    what = f"{path}, which data.path of {PARAMS} names, has no pointer"
    raise VerdictError(f"{path}.dvc of {revision.name}", what, f"dvc add {path}, and commit {path}.dvc")


def _with_parents(path: str) -> Iterator[str]:
    """Yield a path and its parents below data/."""
    yield path
    yield from (str(folder) for folder in PurePosixPath(path).parents if str(folder) not in (_TREE, "."))


def _digest(revision: "Revision", tracked: str) -> str:
    """Return the hash in the pointer of a file or folder."""
    pointer = f"{tracked}.dvc"
    match revision.document(pointer):
        case {"outs": [{"path": str(name), "md5": str(digest)}]} if name == PurePosixPath(tracked).name:
            if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", digest):
                return digest
    what = f"not a pointer of DVC to {PurePosixPath(tracked).name} beside it"
    raise VerdictError(f"{pointer} of {revision.name}", what, f"dvc add {tracked}, and commit {pointer}")


def paths_overlap(one: str, other: str) -> bool:
    """Return whether two paths are the same, or one lies in the other."""
    return one == other or "." in (one, other) or one.startswith(f"{other}/") or other.startswith(f"{one}/")
