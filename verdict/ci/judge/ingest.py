"""Puts the files of a bundle into DVC's cache, under hashes that are computed here.

So no file of a stranger can pass for another one.
"""

import json
import shutil
import tempfile
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.lock.contents import hash_of
from verdict.repo.raw_data import raw_data
from verdict.repo.remote import has_shared_remote
from verdict.repo.revisions import Revision, Store
from verdict.repo.sources import obtain_data
from verdict.review.command import reproduce
from verdict.review.derive import same_source


def add(store: Store, path: Path) -> str:
    """Put a file, or a folder with its listing, into the cache; return DVC's hash of it."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        entries = [{"md5": add(store, file), "relpath": file.relative_to(path).as_posix()} for file in files]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".dir") as listing:
            listing.write(json.dumps(entries, sort_keys=True))
            listing.flush()
            digest = f"{hash_of(Path(listing.name))}.dir"
            _copy(store, Path(listing.name), digest)
        return digest
    digest = hash_of(path)
    _copy(store, path, digest)
    return digest


def _copy(store: Store, source: Path, digest: str) -> None:
    target = Path(store.repo.cache.local.oid_to_path(digest))
    if target.exists() and hash_of(target) == digest.removesuffix(".dir"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def add_outputs(store: Store, folder: Path, paths: list[str]) -> None:
    """Put the outputs that are in the bundle into the cache."""
    for path in paths:
        if (folder / path).exists():
            add(store, folder / path)


def add_raw_data(store: Store, base: Revision, candidate: Revision, folder: Path) -> None:
    """Get the raw data that main's code derives the candidate's tables from: from the bundle, or its usual source."""
    raw = raw_data(candidate)
    if (folder / raw.tracked).exists():
        digest = add(store, folder / raw.tracked)
        if digest != raw.digest:
            what = f"the bundle's are {digest[:8]}, the pointer names {raw.digest[:8]}"
            remedy = f"dvc add {raw.tracked}, and commit {raw.pointer}"
            raise VerdictError(f"{raw.pointer} of {candidate.name}", what, remedy)
    elif not same_source(base, candidate) and base.text(raw.pointer) == candidate.text(raw.pointer):
        obtain_data(store.root, remote=has_shared_remote(store.root))


def run_main_stages(store: Store, main: Revision) -> Revision:
    """Run main's DAG here, and return main with the dvc.lock that this gives."""
    obtain_data(store.root, remote=False)
    return reproduce(store, main)
