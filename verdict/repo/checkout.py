"""What git has of a checkout: where its things are, and what its index says of each file."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from verdict.repo.git import git_bytes


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where git has its things, and what its index has: tag, mode and object by path."""

    top: Path
    index: Path
    objects: Path
    algorithm: str
    entries: dict[str, tuple[str, str, str]]

    def is_submodules(self, path: str) -> bool:
        """Whether a file belongs to a submodule, which is a repository of its own."""
        return any(self.entries.get(str(folder), ("", "", ""))[1] == "160000" for folder in PurePosixPath(path).parents)

    def name_of(self, raw: bytes) -> str:
        """Git's name of a blob."""
        return hashlib.new(self.algorithm, b"blob %d\0" % len(raw) + raw).hexdigest()


def checkout_of(root: Path) -> Checkout | None:
    """The checkout that the tree at `root` belongs to; None where git does not keep it."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return None
    asked = ("--show-toplevel", "--show-object-format", "--git-path", "index", "--git-path", "objects")
    top, algorithm, index, objects = os.fsdecode(git_bytes(root, "rev-parse", *asked)).splitlines()
    listed = names_in(git_bytes(Path(top), "ls-files", "-z", "--stage", "-v"))
    entries = {}
    for line, _, path in (line.partition("\t") for line in listed):
        tag, mode, name, _ = line.split()
        entries[path] = (tag, mode, name)
    # Where it has nothing of this tree, it is not git that brings it to other clones.
    prefix = f"{root.relative_to(top).as_posix()}/" if root != Path(top) else ""
    if not any(path.startswith(prefix) for path in entries):
        return None
    return Checkout(Path(top), root / index, root / objects, algorithm, entries)


def names_in(printed: bytes) -> list[str]:
    """The paths in what git prints with -z."""
    return [os.fsdecode(name) for name in printed.split(b"\0") if name]
