"""What a revision needs from its remote: objects, members of directories, listings, and the records of runs."""

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
from verdict.repo.lock.check import LOCK, record_hash
from verdict.repo.revisions import checked_hash, working_tree

if TYPE_CHECKING:
    from dvc.output import Output

    from verdict.repo.remote.storage import Storage


class FileKind(IntEnum):
    """In the order of pushing: a listing after its members, a record after all that it names.

    So a push that is cut off leaves nothing that points at what is not there.
    """

    FILE = 0
    LISTING = 1
    RECORD = 2


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """One file of the remote.

    Args:
        kind: a file's bytes, a directory's listing, or a run-cache record.
        stage: who wrote it; for data without a stage, its pointer.
        path: the output; for a record, dvc.lock.
        member: the file's name inside a directory.
        digest: what it is named by.
        place: where it lies on the remote, in the remote's own terms.
        local: where a good copy may lie on this machine.
    """

    kind: FileKind
    stage: str
    path: str
    member: str | None
    digest: str
    place: str
    local: tuple[Path, ...]

    def source(self) -> Path | None:
        """A local copy with the right bytes."""
        for path in self.local:
            if path.is_file() and self.is_of(path.read_bytes() if self.kind is FileKind.RECORD else _md5(path)):
                return path
        return None

    def is_of(self, found: str | bytes) -> bool:
        """Whether an MD5, or the bytes of a record, are what the name says."""
        if isinstance(found, str):
            return found == self.digest.removesuffix(".dir")
        try:
            return record_hash(parse(found.decode("utf-8"), self.place, "", aliases=False)) == self.digest
        except (VerdictError, UnicodeDecodeError, TypeError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the remote should hold and does not: whose it is, what is wrong, and the command that mends it."""

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
    """All that the working tree's dvc.lock and pointers name; `VerdictError` where dvc.lock does not know an output."""
    found: list[ExpectedFile] = []
    for out in storage.outputs:
        found.extend(_of_output(storage, out))
    found.extend(_records(storage))
    return found


def _of_output(storage: "Storage", out: "Output") -> Iterator[ExpectedFile]:
    stage, path = _origin(storage, out), Path(out.fs_path).relative_to(storage.root).as_posix()
    if not out.hash_info:
        where = f"{LOCK}, stage {stage}" if out.stage.cmd else stage
        raise VerdictError(where, f"has no hash for {path}: what is needed cannot be told", "dvc repro")
    digest = checked_hash(out.hash_info.value, f"{path} of {stage}")
    if not digest.endswith(".dir"):
        # Git keeps `cache: false` outputs, so that the file itself serves where the cache was lost.
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
    """A stage's name, or a pointer's path; DVC's own word for both changes with the current folder."""
    return getattr(out.stage, "name", None) or Path(out.stage.path).relative_to(storage.root).as_posix()


def _members(storage: "Storage", listing: ExpectedFile) -> dict[str, str]:
    """Hash by name; of the local listing where it is whole, else of the remote's; none where both are lost."""
    source = listing.source()
    data = source.read_bytes() if source else storage.read(listing.place)
    if data is None or not listing.is_of(hashlib.md5(data).hexdigest()):
        return {}  # the listing itself will be found missing or damaged
    where = f"the listing of {listing.path}"
    try:
        return {str(entry["relpath"]): checked_hash(entry["md5"], where) for entry in json.loads(data)}
    except (ValueError, KeyError, TypeError) as error:
        raise VerdictError(where, f"not a listing of DVC: {error!r}", f"dvc repro -f {listing.stage}") from None


def _records(storage: "Storage") -> Iterator[ExpectedFile]:
    """The record of each run that dvc.lock tells of."""
    if not (storage.root / LOCK).is_file():
        return
    known = {_origin(storage, out) for out in storage.outputs if keeps_records(out.stage)}
    cached = {_origin(storage, out) for out in storage.outputs if out.use_cache}
    for name, entry in working_tree(storage.root).stages.items():
        if name not in known:
            continue  # left over from a stage that is no more: `verdict lock` says so
        digest = record_hash(entry)
        key = record_hash({**entry, "outs": [out["path"] for out in entry.get("outs") or []]})
        local = storage.cached_record(key, digest)
        if name not in cached and not local.is_file():
            continue  # git has all outputs of the stage: DVC skips it in any clone, and none needs its record
        yield ExpectedFile(FileKind.RECORD, name, LOCK, None, digest, storage.record_at(key, digest), (local,))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
