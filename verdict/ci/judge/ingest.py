"""Files that came with a bundle, put into DVC's cache under the hash of their bytes.

A name in the cache is a hash that is computed here, so that nothing from a stranger can pass for something else.
"""

import json
import shutil
import tempfile
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.lock.check import hash_of
from verdict.repo.raw_data import raw_data
from verdict.repo.remote import has_shared_remote
from verdict.repo.revisions import Revision, Store
from verdict.repo.sources import obtain_data
from verdict.review.command import reproduce
from verdict.review.derive import same_source


def add(store: Store, path: Path) -> str:
    """Put a file, or a folder with its listing, into the cache; its hash as DVC has it."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = [{"md5": add(store, file), "relpath": file.relative_to(path).as_posix()} for file in files]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".dir") as written:
            written.write(json.dumps(listing, sort_keys=True))
            written.flush()
            digest = f"{hash_of(Path(written.name))}.dir"
            _copy(store, Path(written.name), digest)
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
    """Put those of the outputs that came with the bundle into the cache."""
    for path in paths:
        if (folder / path).exists():
            add(store, folder / path)


def add_raw_data(store: Store, main: Revision, own: Revision, folder: Path) -> None:
    """Bring the raw data that main's code is to derive the change's tables from: from the bundle, or wherever it is."""
    raw = raw_data(own)
    if (folder / raw.tracked).exists():
        came = add(store, folder / raw.tracked)
        if came != raw.digest:
            what = f"the bundle's are {came[:8]}, the pointer names {raw.digest[:8]}"
            remedy = f"dvc add {raw.tracked}, and commit {raw.pointer}"
            raise VerdictError(f"{raw.pointer} of {own.name}", what, remedy)
    elif not same_source(main, own) and main.text(raw.pointer) == own.text(raw.pointer):
        obtain_data(store.root, remote=has_shared_remote(store.root))


def reproduce_main(store: Store, main: Revision) -> Revision:
    """Run main's DAG here, with the raw data from wherever it can be had; the lock that comes out counts."""
    obtain_data(store.root, remote=False)
    return reproduce(store, main)
