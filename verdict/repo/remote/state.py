"""What is missing or damaged on a remote, and pushing it."""

from dataclasses import dataclass
from pathlib import Path

from verdict.repo.remote.needs import ExpectedFile, FileKind, Problem, expected_files
from verdict.repo.remote.storage import Storage

_NAMES = {
    FileKind.FILE: "",
    FileKind.LISTING: "(the directory's listing) ",
    FileKind.RECORD: "(the run-cache's record) ",
}


@dataclass(frozen=True, slots=True)
class State:
    """All needs of a revision, and those that the remote does not meet, with the reason."""

    expected: list[ExpectedFile]
    absent: list[ExpectedFile]
    damaged: list[ExpectedFile]

    @property
    def problems(self) -> list[ExpectedFile]:
        """Absent or damaged."""
        return [*self.absent, *self.damaged]


def check(root: Path, name: str | None = None, verify: bool = False) -> list[Problem]:
    """What the working tree at `root` needs, and the remote does not hold.

    Args:
        root: a checkout; neither data nor cache is needed.
        name: the remote; by default the default one.
        verify: also download everything and compare it with the hash that it is named by.

    Raises:
        VerdictError: the remote cannot be asked, or dvc.lock does not say what is needed.
    """
    with Storage(root, name) as storage:
        return problems_of(read_state(storage, verify), name)


def push(root: Path, name: str | None = None, verify: bool = False) -> list[Problem]:
    """Push what is missing, and with `verify` replace what is damaged; give what is missing after that.

    Can be cut off and repeated at any point. Nothing on the remote is deleted.

    Raises:
        VerdictError: the remote cannot be asked, or does not take a file.
    """
    with Storage(root, name) as storage:
        return problems_of(push_missing(storage, verify), name)


def read_state(storage: Storage, verify: bool = False) -> State:
    """Ask the remote."""
    wanted = expected_files(storage)
    held = storage.existing(need.place for need in wanted)
    absent = [need for need in wanted if need.place not in held]
    there = [need for need in wanted if need.place in held]
    asked = [need for need in there if verify or _read_from_remote(need)]
    return State(wanted, absent, _damaged(storage, asked))


def push_missing(storage: Storage, verify: bool = False) -> State:
    """Replace what is damaged, let DVC push, add what it overlooks, and ask again."""
    found = read_state(storage, verify)
    if not found.problems:
        return found
    _send(storage, found.damaged)  # first: DVC stops at a damaged listing
    if found.absent:
        storage.dvc_push()
        _send(storage, read_state(storage).absent)
    return read_state(storage, verify)


def _send(storage: Storage, lacking: list[ExpectedFile]) -> None:
    """Copy what has a good local copy, in the order of the kinds."""
    lost = _lost(lacking)
    for kind in FileKind:
        ready = [need for need in lacking if need.kind is kind and not _waits(need, lost)]
        storage.send({need.place: source for need in ready if (source := need.source())})


def problems_of(found: State, name: str | None = None) -> list[Problem]:
    """The unmet needs as people read them."""
    command = "verdict remote" + (f" --remote {name}" if name else "")
    damaged, lost = {id(need) for need in found.damaged}, _lost(found.problems)
    told = []
    ordered = sorted(
        found.problems, key=lambda each: (each.stage, each.kind is FileKind.RECORD, each.path, each.member or "")
    )
    for need in ordered:
        what = "has other bytes on the remote than its name says" if id(need) in damaged else "is not on the remote"
        again = f"{command} --verify --push" if id(need) in damaged else f"{command} --push"
        remedy = _remedy(need, again, _waits(need, lost))
        told.append(Problem(need.stage, need.path, need.member, need.digest, _NAMES[need.kind] + what, remedy))
    return told


def _damaged(storage: Storage, there: list[ExpectedFile]) -> list[ExpectedFile]:
    digests = storage.digests(need.place for need in there if need.kind is not FileKind.RECORD)
    damaged = []
    for need in there:
        found = storage.read(need.place) if need.kind is FileKind.RECORD else digests[need.place]
        if found is None or not need.is_of(found):
            damaged.append(need)
    return damaged


def _read_from_remote(need: ExpectedFile) -> bool:
    """A listing that only the remote has: damaged, it would hide its members, and nothing would seem to be missing."""
    return need.kind is FileKind.LISTING and need.source() is None


def _lost(lacking: list[ExpectedFile]) -> set[str]:
    """The stages of which this machine has no good copy of a file that the remote lacks."""
    return {need.stage for need in lacking if need.kind is not FileKind.RECORD and need.source() is None}


def _waits(need: ExpectedFile, lost: set[str]) -> bool:
    """Whether a listing or record must not be there before the files that it names, which are lost here."""
    return need.kind is not FileKind.FILE and need.stage in lost and need.source() is not None


def _remedy(need: ExpectedFile, again: str, waits: bool) -> str:
    if waits:
        return f"mend the other findings of {need.stage}, then {again}"
    if need.source():
        return again
    if need.stage.endswith(".dvc"):
        return f"put {need.path} back as it was when dvc add wrote {need.stage}, then {again}"
    return f"dvc repro -f {need.stage}, then {again}; or push from a checkout with a good copy"
