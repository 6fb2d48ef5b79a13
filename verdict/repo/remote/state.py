"""Find files that are missing or damaged on a remote, and push them."""

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
    """All files that a revision needs, those that the remote lacks, and those that are damaged there."""

    expected: list[ExpectedFile]
    absent: list[ExpectedFile]
    damaged: list[ExpectedFile]

    @property
    def failing(self) -> list[ExpectedFile]:
        """The absent and the damaged files."""
        return [*self.absent, *self.damaged]


def check(root: Path, name: str | None = None, verify: bool = False) -> list[Problem]:
    """Return the files that the working tree at `root` needs, and the remote lacks.

    Args:
        root: a checkout; neither data nor cache is needed.
        name: the remote; by default the default one.
        verify: also download each file and compare it with the hash in its name.

    Raises:
        VerdictError: the remote cannot be reached, or dvc.lock does not say what is needed.
    """
    with Storage(root, name) as storage:
        return problems_of(read_state(storage, verify), name)


def push(root: Path, name: str | None = None, verify: bool = False) -> list[Problem]:
    """Push missing files, and with `verify` replace damaged ones; return what is missing after that.

    Can be interrupted and repeated at any point. Nothing on the remote is deleted.

    Raises:
        VerdictError: the remote cannot be reached, or refuses a file.
    """
    with Storage(root, name) as storage:
        return problems_of(push_missing(storage, verify), name)


def read_state(storage: Storage, verify: bool = False) -> State:
    """Return which of the needed files the remote has."""
    expected = expected_files(storage)
    existing = storage.existing(file.place for file in expected)
    absent = [file for file in expected if file.place not in existing]
    present = [file for file in expected if file.place in existing]
    suspect = [file for file in present if verify or _is_listing_without_copy(file)]
    return State(expected, absent, _damaged(storage, suspect))


def push_missing(storage: Storage, verify: bool = False) -> State:
    """Replace damaged files, let DVC push, add the files that it overlooks, and return the new state."""
    state = read_state(storage, verify)
    if not state.failing:
        return state
    _send(storage, state.damaged)  # first: DVC stops at a damaged listing
    if state.absent:
        storage.dvc_push()
        _send(storage, read_state(storage).absent)
    return read_state(storage, verify)


def _send(storage: Storage, files: list[ExpectedFile]) -> None:
    """Upload the files with a good local copy, in the order of their kinds."""
    lost = _lost(files)
    for kind in FileKind:
        ready = [file for file in files if file.kind is kind and not _waits(file, lost)]
        storage.send({file.place: local for file in ready if (local := file.local_copy())})


def problems_of(state: State, name: str | None = None) -> list[Problem]:
    """Return a problem, for people, for each missing or damaged file."""
    command = "verdict remote" + (f" --remote {name}" if name else "")
    damaged, lost = {id(file) for file in state.damaged}, _lost(state.failing)
    problems = []
    for file in sorted(
        state.failing, key=lambda each: (each.stage, each.kind is FileKind.RECORD, each.path, each.member or "")
    ):
        what = "has other bytes on the remote than its name says" if id(file) in damaged else "is not on the remote"
        push_command = f"{command} --verify --push" if id(file) in damaged else f"{command} --push"
        remedy = _remedy(file, push_command, _waits(file, lost))
        problems.append(Problem(file.stage, file.path, file.member, file.digest, _NAMES[file.kind] + what, remedy))
    return problems


def _damaged(storage: Storage, present: list[ExpectedFile]) -> list[ExpectedFile]:
    digests = storage.digests(file.place for file in present if file.kind is not FileKind.RECORD)
    damaged = []
    for file in present:
        content = storage.read(file.place) if file.kind is FileKind.RECORD else digests[file.place]
        if content is None or not file.matches(content):
            damaged.append(file)
    return damaged


def _is_listing_without_copy(file: ExpectedFile) -> bool:
    """Return whether only the remote has a listing: if damaged, it would hide that its members are missing."""
    return file.kind is FileKind.LISTING and file.local_copy() is None


def _lost(files: list[ExpectedFile]) -> set[str]:
    """Return the stages with a file that the remote lacks and this machine has no good copy of."""
    return {file.stage for file in files if file.kind is not FileKind.RECORD and file.local_copy() is None}


def _waits(file: ExpectedFile, lost: set[str]) -> bool:
    """Return whether a listing or record must wait for the files that it names, which are lost here."""
    return file.kind is not FileKind.FILE and file.stage in lost and file.local_copy() is not None


def _remedy(file: ExpectedFile, push_command: str, waits: bool) -> str:
    if waits:
        return f"mend the other findings of {file.stage}, then {push_command}"
    if file.local_copy():
        return push_command
    if file.stage.endswith(".dvc"):
        return f"put {file.path} back as it was when dvc add wrote {file.stage}, then {push_command}"
    return f"dvc repro -f {file.stage}, then {push_command}; or push from a checkout with a good copy"
