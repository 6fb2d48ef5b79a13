"""A checkout as git sees it: its folders, and the entry of each file in its index."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from verdict.repo.git import git_bytes


@dataclass(frozen=True, slots=True)
class Checkout:
    """The folders of a checkout, and the entries of its index: tag, mode and object by path."""

    top: Path
    index: Path
    objects: Path
    algorithm: str
    entries: dict[str, tuple[str, str, str]]

    def is_in_submodule(self, path: str) -> bool:
        """Return whether a file belongs to a submodule."""
        return any(self.entries.get(str(folder), ("", "", ""))[1] == "160000" for folder in PurePosixPath(path).parents)

    def blob_hash(self, raw: bytes) -> str:
        """Return git's hash of a blob."""
        return hashlib.new(self.algorithm, b"blob %d\0" % len(raw) + raw).hexdigest()


def checkout_of(root: Path) -> Checkout | None:
    """Return the checkout that the tree at `root` belongs to; None if git does not track it."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return None
    queries = ("--show-toplevel", "--show-object-format", "--git-path", "index", "--git-path", "objects")
    top, algorithm, index, objects = os.fsdecode(git_bytes(root, "rev-parse", *queries)).splitlines()
    lines = split_names(git_bytes(Path(top), "ls-files", "-z", "--stage", "-v"))
    entries = {}
    for line, _, path in (line.partition("\t") for line in lines):
        tag, mode, name, _ = line.split()
        entries[path] = (tag, mode, name)
    # A tree without an entry in the index reaches other clones by other means.
    prefix = f"{root.relative_to(top).as_posix()}/" if root != Path(top) else ""
    if not any(path.startswith(prefix) for path in entries):
        return None
    return Checkout(Path(top), root / index, root / objects, algorithm, entries)


def split_names(printed: bytes) -> list[str]:
    """Return the paths in the output of a git command with -z."""
    return [os.fsdecode(name) for name in printed.split(b"\0") if name]
