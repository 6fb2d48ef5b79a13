"""Rewrite dvc.lock and the cache of a clone to match its files, or delete objects; no stage is run."""

import hashlib
import json
import shutil
from functools import reduce
from pathlib import Path

from tests.corpus import RAW
from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone, declared_outs
from verdict.repo.lock.contents import hash_of


def relock(clone: Clone) -> None:
    """Make dvc.lock consistent with the files of the clone, and put the outputs into the cache."""
    document = load(clone.lock())
    for entry in document["stages"].values():
        for file, keys in entry.get("params", {}).items():
            values = load(clone.path / file)
            keys.update({key: reduce(lambda group, name: group[name], key.split("."), values) for key in keys})
        for item in [*entry.get("deps", []), *entry.get("outs", [])]:
            path = clone.path / item["path"]
            for compiled in list(path.rglob("__pycache__")):  # .dvcignore names it
                shutil.rmtree(compiled)
            files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
            item.update(md5=hash_of(path), size=sum(file.stat().st_size for file in files))
            item.update({"nfiles": len(files)} if path.is_dir() else {})
    save(clone.path / "dvc.lock", document)
    for name, is_cached in declared_outs(clone.dag()):
        if is_cached:
            _store(clone, clone.path / name)


def update_pointer(clone: Clone) -> None:
    """Write the raw table's hash into its .dvc file, and put the table into the cache, as `dvc add` does."""
    raw = clone.path / "data" / "raw" / RAW
    pointer = raw.with_name(f"{RAW}.dvc")
    document = load(pointer)
    document["outs"][0].update(md5=hash_of(raw), size=raw.stat().st_size)
    save(pointer, document)
    _store(clone, raw)


def delete_raw(clone: Clone) -> None:
    """Delete the raw data from cache and folder."""
    raw = clone.path / "data" / "raw" / RAW
    cache_path(clone, str(load(raw.with_name(f"{RAW}.dvc"))["outs"][0]["md5"])).unlink()
    raw.unlink()


def _store(clone: Clone, path: Path) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    listing = [{"md5": hash_of(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    for file, entry in zip(files, listing, strict=True):
        _put(clone, entry["md5"], file.read_bytes())
    if path.is_dir():
        content = json.dumps(listing, sort_keys=True).encode()
        _put(clone, hashlib.md5(content).hexdigest() + ".dir", content)


def cache_path(clone: Clone, digest: str) -> Path:
    """The path of an object in the cache."""
    return clone.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def _put(clone: Clone, digest: str, content: bytes) -> None:
    path = cache_path(clone, digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def locked_hash(clone: Clone, path: str) -> str:
    """The hash that dvc.lock has for an output."""
    entries = load(clone.lock())["stages"].values()
    return next(str(out["md5"]) for entry in entries for out in entry["outs"] if out["path"] == path)


def delete_output(clone: Clone, path: str) -> None:
    """Delete an output, which is a folder, from cache and workspace."""
    digest = locked_hash(clone, path)
    content = cache_path(clone, digest).read_bytes()
    for member in json.loads(content) if digest.endswith(".dir") else []:
        cache_path(clone, member["md5"]).unlink()
    cache_path(clone, digest).unlink()
    shutil.rmtree(clone.path / path)
