"""The current hash of a dependency or output: of the file, or, for absent data, from dvc.lock, a pointer or a listing.

DVC computes the hash, with .dvcignore, of existing files alone; this module covers absent data, too.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo

Key = tuple[str, ...]
_MD5 = "md5"  # DVC 2 had another one, of text with normalised line ends
_NOTHING = "nothing"


class Contents:
    """The hashes of one tree, each computed once.

    Args:
        repo: DVC's view of the tree.
        outs: the outputs of stages and pointers.
        objects: folders in which DVC keeps objects, for the listings of absent data.
    """

    def __init__(self, repo: "Repo", outs: "Iterable[Output]", objects: Iterable[Path]) -> None:
        self._repo, self._objects = repo, tuple(objects)
        self._outs = {out.fs_path: out for out in outs}
        self._built: dict[tuple[str, str], Any] = {}

    def output(self, path: str) -> "Output | None":
        """Return the output with this path, if there is one."""
        return self._outs.get(path)

    def output_around(self, path: str) -> "Output | None":
        """Return the output that is this path, or a folder around it."""
        return next((out for place in [path, *map(str, Path(path).parents)] if (out := self._outs.get(place))), None)

    def present_hash(self, item: "Output") -> str | None:
        """Return the hash of an existing file or folder; None if it is absent."""
        return str(self._build(item.fs_path, item.hash_name).hash_info.value) if item.exists else None

    def current_hash(self, item: "Output") -> str | None:
        """Return the hash that it has with all data present; None if that cannot be known without them."""
        absent = self._absent_below(item.fs_path)
        if item.exists and not absent:
            return self.present_hash(item)
        members: dict[Key, str] | None
        if (out := self._data_around(item.fs_path)) is not None:
            inner = Path(item.fs_path).relative_to(out.fs_path).parts
            members = self._members(out)
            if members is not None:
                members = {key[len(inner) :]: digest for key, digest in members.items() if key[: len(inner)] == inner}
                if not members:
                    return _NOTHING
        else:
            members = self._members_here(item) if item.exists else {}
            for out in absent:
                more, inner = self._members(out), Path(out.fs_path).relative_to(item.fs_path).parts
                if members is not None:
                    members = None if more is None else members | {inner + key: more[key] for key in more}
        if not members or item.hash_name != _MD5:
            return None
        return members[()] if () in members else folder_hash({"/".join(key): digest for key, digest in members.items()})

    def is_data(self, path: str) -> bool:
        """Return whether a path is, holds or is within a cached output, which may be absent here."""
        return self._data_around(path) is not None or bool(self._absent_below(path))

    def files(self, item: "Output") -> list[str]:
        """Return the paths of the existing files that count for its hash."""
        if not item.exists:
            return []
        built = self._build(item.fs_path, item.hash_name)
        return [os.path.join(item.fs_path, *key) for key in built.as_dict()] if _is_tree(built) else [item.fs_path]  # noqa: PTH118

    def is_ignored(self, path: str) -> bool:
        """Return whether .dvcignore names a file."""
        return bool(self._repo.dvcignore.is_ignored_file(path))

    def _data_around(self, path: str) -> "Output | None":
        out = self.output_around(path)
        return out if out is not None and out.use_cache else None

    def _build(self, path: str, name: str) -> Any:  # noqa: ANN401 - DVC has no types
        from dvc_data.hashfile.build import build

        if (path, name) not in self._built:
            cache = self._repo.cache.local if name == _MD5 else self._repo.cache.legacy
            ignore = self._repo.dvcignore
            self._built[path, name] = build(cache, path, self._repo.fs, name, ignore=ignore, dry_run=True)[2]
        return self._built[path, name]

    def _members_here(self, item: "Output") -> dict[Key, str] | None:
        built = self._build(item.fs_path, item.hash_name)
        return {key: info.value for key, _, info in built} if _is_tree(built) else None

    def _absent_below(self, path: str) -> "list[Output]":
        inner = [out for place, out in self._outs.items() if place.startswith(f"{path}{os.sep}") and out.use_cache]
        return [out for out in inner if not out.exists]

    def _members(self, out: "Output") -> dict[Key, str] | None:
        """Return the hash of each file of an output, from its lock or pointer and its listing in the cache."""
        digest = out.hash_info.value if out.hash_info and out.hash_name == _MD5 else None
        if not digest or not digest.endswith(".dir"):
            return {(): digest} if digest else None
        for folder in self._objects:
            listing = folder / digest[:2] / digest[2:]
            if listing.is_file() and hash_of(listing) == digest.removesuffix(".dir"):
                entries = json.loads(listing.read_text(encoding="utf-8"))
                return {tuple(entry["relpath"].split("/")): entry["md5"] for entry in entries}
        return None


def _is_tree(built: Any) -> bool:  # noqa: ANN401 - DVC has no types
    return hasattr(built, "as_dict")


def hash_of(path: Path) -> str:
    """Return the MD5 of a file or folder as DVC records it, but without a repository: ignored files count, too."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    files = (file for file in path.rglob("*") if file.is_file())
    return folder_hash({file.relative_to(path).as_posix(): hash_of(file) for file in files})


def folder_hash(files: dict[str, str]) -> str:
    """Return DVC's hash of a folder from its files' hashes; a folder `a` sorts after `a.txt`, as "/" after "."."""
    entries = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"
