"""The files that a revision needs from its remote: objects, members of directories, listings, records of runs."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.documents import parse
from verdict.base.errors import VerdictError
from verdict.repo.dvc import keeps_records
from verdict.repo.lock.contents import hash_of
from verdict.repo.lock.lockfile import LOCK, record_hash, record_path
from verdict.repo.revisions import checked_hash, working_tree

if TYPE_CHECKING:
    from dvc.output import Output

    from verdict.repo.remote.storage import Storage


class FileKind(IntEnum):
    """The kinds of files in the order of pushing: a listing after its members, a record after all that it names.

    So an interrupted push leaves no reference to a missing file.
    """

    FILE = 0
    LISTING = 1
    RECORD = 2


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """One file of the remote.

    Args:
        kind: a file's bytes, a directory's listing, or a run-cache record.
        stage: the stage that wrote it; for data without a stage, its pointer.
        path: the output; for a record, dvc.lock.
        member: the file's name inside a directory.
        digest: the hash in its name.
        place: its path on the remote.
        local: paths of possible copies on this machine.
    """

    kind: FileKind
    stage: str
    path: str
    member: str | None
    digest: str
    place: str
    local: tuple[Path, ...]

    def local_copy(self) -> Path | None:
        """Return a local copy with the right bytes."""
        for path in self.local:
            if path.is_file() and self.matches(path.read_bytes() if self.kind is FileKind.RECORD else hash_of(path)):
                return path
        return None

    def matches(self, content: str | bytes) -> bool:
        """Return whether an MD5, or the bytes of a record, match the name."""
        if isinstance(content, str):
            return content == self.digest.removesuffix(".dir")
        try:
            return record_hash(parse(content.decode("utf-8"), self.place, "", aliases=False)) == self.digest
        except (VerdictError, UnicodeDecodeError, TypeError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that the remote lacks or has damaged: its stage and path, what is wrong, and the command that mends it."""

    stage: str
    path: str
    member: str | None
    digest: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.path}, {self.member}" if self.member else self.path
        return f"{self.stage}: {where}: {self.digest[:8]} {self.what}\n  remedy: {self.remedy}"


def expected_files(storage: "Storage") -> list[ExpectedFile]:
    """Return all files that dvc.lock and the pointers name; `VerdictError` if dvc.lock has no hash of an output."""
    files = [file for out in storage.outputs for file in _of_output(storage, out)]
    return [*files, *_records(storage)]


def _of_output(storage: "Storage", out: "Output") -> Iterator[ExpectedFile]:
    stage, path = _origin(storage, out), Path(out.fs_path).relative_to(storage.root).as_posix()
    if not out.hash_info:
        where = f"{LOCK}, stage {stage}" if out.stage.cmd else stage
        raise VerdictError(where, f"has no hash for {path}: what is needed cannot be told", "dvc repro")
    digest = checked_hash(out.hash_info.value, f"{path} of {stage}")
    if not digest.endswith(".dir"):
        # Git keeps `cache: false` outputs: the file itself is a copy if the cache was lost.
        local = (storage.cached_object(digest), storage.root / path)
        yield ExpectedFile(FileKind.FILE, stage, path, None, digest, storage.object_at(digest), local)
        return
    listing = ExpectedFile(
        FileKind.LISTING, stage, path, None, digest, storage.object_at(digest), (storage.cached_object(digest),)
    )
    yield listing
    for member, inner in _members(storage, listing).items():
        local = (storage.cached_object(inner), storage.root / path / member)
        yield ExpectedFile(FileKind.FILE, stage, path, member, inner, storage.object_at(inner), local)


def _origin(storage: "Storage", out: "Output") -> str:
    """Return a stage's name, or a pointer's path; DVC's own name of both depends on the current folder."""
    return getattr(out.stage, "name", None) or Path(out.stage.path).relative_to(storage.root).as_posix()


def _members(storage: "Storage", listing: ExpectedFile) -> dict[str, str]:
    """Return hashes by name, of the local listing if undamaged, else of the remote's; empty if both are lost."""
    local = listing.local_copy()
    data = local.read_bytes() if local else storage.read(listing.place)
    if data is None or not listing.matches(hashlib.md5(data).hexdigest()):
        return {}  # the listing itself will be found missing or damaged
    where = f"the listing of {listing.path}"
    try:
        return {str(entry["relpath"]): checked_hash(entry["md5"], where) for entry in json.loads(data)}
    except (ValueError, KeyError, TypeError) as error:
        raise VerdictError(where, f"not a listing of DVC: {error!r}", f"dvc repro -f {listing.stage}") from None


def _records(storage: "Storage") -> Iterator[ExpectedFile]:
    """Yield the run-cache record of each entry of dvc.lock."""
    if not (storage.root / LOCK).is_file():
        return
    recorded = {_origin(storage, out) for out in storage.outputs if keeps_records(out.stage)}
    cached = {_origin(storage, out) for out in storage.outputs if out.use_cache}
    for name, entry in working_tree(storage.root).stages.items():
        if name not in recorded:
            continue  # left over from a removed stage: `verdict lock` says so
        record = record_path(entry)
        local = storage.cached_record(record)
        if name not in cached and not local.is_file():
            continue  # git has all outputs of the stage: DVC skips it in any clone, without its record
        yield ExpectedFile(FileKind.RECORD, name, LOCK, None, record.name, storage.record_at(record), (local,))
