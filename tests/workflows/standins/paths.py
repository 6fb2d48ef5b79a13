"""The path patterns of GitHub's actions: globs, one a line, with ! for what to leave out."""

import glob
from collections.abc import Iterable
from pathlib import Path


def match_files(patterns: Iterable[str], base: Path) -> list[Path]:
    """The files that match the patterns; a folder matches all files in it."""
    files: dict[Path, None] = {}
    for pattern in patterns:
        matched = _files(_full(pattern.removeprefix("!"), base))
        if pattern.startswith("!"):
            files = {path: None for path in files if path not in set(matched)}
        else:
            files |= dict.fromkeys(matched)
    return sorted(files)


def search_roots(patterns: Iterable[str], base: Path) -> list[Path]:
    """The part of each pattern before its first wildcard, a search path."""
    return [_root(_full(pattern, base)) for pattern in patterns if not pattern.startswith("!")]


def _root(pattern: str) -> Path:
    parts = Path(pattern).parts
    plain = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:plain])


def _full(pattern: str, base: Path) -> str:
    return str(base / Path(pattern).expanduser())


def _files(pattern: str) -> list[Path]:
    files: list[Path] = []
    for name in glob.glob(pattern, recursive=True, include_hidden=True):  # noqa: PTH207 - hidden files too
        path = Path(name)
        files += [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return files
