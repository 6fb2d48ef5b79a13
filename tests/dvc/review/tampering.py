"""A consistent dvc.lock and cache for whatever lies in a clone, and objects taken out of the cache; nothing is run."""

import hashlib
import json
import shutil
from functools import reduce
from pathlib import Path

from tests.corpus import RAW
from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone, declared_outs
from verdict.repo.lock.check import hash_of


def relock(place: Clone) -> None:
    """Make dvc.lock consistent with whatever lies in the folder, and put it into the cache, without any run."""
    document = load(place.lock())
    for entry in document["stages"].values():
        for file, keys in entry.get("params", {}).items():
            values = load(place.path / file)
            keys.update({key: reduce(lambda group, name: group[name], key.split("."), values) for key in keys})
        for item in [*entry.get("deps", []), *entry.get("outs", [])]:
            path = place.path / item["path"]
            for compiled in list(path.rglob("__pycache__")):  # .dvcignore names it
                shutil.rmtree(compiled)
            files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
            item.update(md5=hash_of(path), size=sum(file.stat().st_size for file in files))
            item.update({"nfiles": len(files)} if path.is_dir() else {})
    save(place.path / "dvc.lock", document)
    for name, is_cached in declared_outs(place.dag()):
        if is_cached:
            _store(place, place.path / name)


def update_pointer(place: Clone) -> None:
    """Make the raw table's .dvc file name it as it is, and put it into the cache, as `dvc add` does."""
    raw = place.path / "data" / "raw" / RAW
    pointer = raw.with_name(f"{RAW}.dvc")
    document = load(pointer)
    document["outs"][0].update(md5=hash_of(raw), size=raw.stat().st_size)
    save(pointer, document)
    _store(place, raw)


def delete_raw(place: Clone) -> None:
    """Take the raw data away, from the cache and from the folder."""
    raw = place.path / "data" / "raw" / RAW
    cache_path(place, str(load(raw.with_name(f"{RAW}.dvc"))["outs"][0]["md5"])).unlink()
    raw.unlink()


def _store(place: Clone, path: Path) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    listing = [{"md5": hash_of(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    for file, entry in zip(files, listing, strict=True):
        _put(place, entry["md5"], file.read_bytes())
    if path.is_dir():
        content = json.dumps(listing, sort_keys=True).encode()
        _put(place, hashlib.md5(content).hexdigest() + ".dir", content)


def cache_path(place: Clone, digest: str) -> Path:
    """Where the cache keeps an object."""
    return place.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def _put(place: Clone, digest: str, content: bytes) -> None:
    path = cache_path(place, digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def locked_hash(place: Clone, path: str) -> str:
    """The hash that dvc.lock has for an output."""
    entries = load(place.lock())["stages"].values()
    return next(str(out["md5"]) for entry in entries for out in entry["outs"] if out["path"] == path)


def delete_output(place: Clone, path: str) -> None:
    """Take an output away, from the cache and from the folder."""
    digest = locked_hash(place, path)
    content = cache_path(place, digest).read_bytes()
    for member in json.loads(content) if digest.endswith(".dir") else []:
        cache_path(place, member["md5"]).unlink()
    cache_path(place, digest).unlink()
    shutil.rmtree(place.path / path)
