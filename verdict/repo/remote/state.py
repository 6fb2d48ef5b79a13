"""What is missing or damaged on a remote, and putting it right."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from verdict.repo.remote.needs import (
    Kind,
    Missing,
    Need,
    needs,
)
from verdict.repo.remote.storage import Storage

_NAMES = {Kind.FILE: "", Kind.LISTING: "(the directory's listing) ", Kind.RECORD: "(the run-cache's record) "}


@dataclass(frozen=True, slots=True)
class State:
    """All needs of a revision, and those that the remote does not meet, with the reason."""

    needs: list[Need]
    absent: list[Need]
    damaged: list[Need]

    @property
    def wanting(self) -> list[Need]:
        """Absent or damaged."""
        return [*self.absent, *self.damaged]


def check(root: Path, name: str | None = None, verify: bool = False) -> list[Missing]:
    """What the working tree at `root` needs, and the remote does not hold.

    Args:
        root: a checkout; neither data nor cache is needed.
        name: the remote; by default the default one.
        verify: also download everything and compare it with the hash that it is named by.

    Raises:
        VerdictError: the remote cannot be asked, or dvc.lock does not say what is needed.
    """
    with Storage(root, name) as storage:
        return missing(state(storage, verify), name)


def push(root: Path, name: str | None = None, verify: bool = False) -> list[Missing]:
    """Upload what is missing, and with `verify` what is damaged, from local copies; give what is missing after that.

    Can be cut off and repeated at any point. Nothing on the remote is deleted.

    Raises:
        VerdictError: the remote cannot be asked, or does not take a file.
    """
    with Storage(root, name) as storage:
        return missing(repaired(storage, verify), name)


def state(storage: Storage, verify: bool = False, good: Collection[str] = ()) -> State:
    """Ask the remote; places in `good` are known to be undamaged."""
    wanted = needs(storage)
    held = storage.held(need.place for need in wanted)
    absent = [need for need in wanted if need.place not in held]
    there = [need for need in wanted if need.place in held]
    asked = [need for need in there if (verify and need.place not in good) or _read_from_remote(need)]
    return State(wanted, absent, _damaged(storage, asked))


def repaired(storage: Storage, verify: bool = False) -> State:
    """Upload what can be, in the order of the kinds, and ask again."""
    before = state(storage, verify)
    lacking = before.wanting
    sent: set[str] = set()
    for kind in Kind:
        ready = [need for need in lacking if need.kind is kind and not _blockers(need, lacking)]
        sources = {need.place: source for need in ready if (source := need.source())}
        storage.send(sources)
        sent |= set(sources)
        lacking = [need for need in lacking if need.place not in sent]
    if not sent:
        return before
    untouched = {need.place for need in before.needs} - sent - {need.place for need in before.wanting}
    return state(storage, verify, untouched)


def missing(found: State, name: str | None = None) -> list[Missing]:
    """The unmet needs as people read them."""
    command = "verdict remote" + (f" --remote {name}" if name else "")
    lacking = found.wanting
    damaged = {id(need) for need in found.damaged}
    told = []
    for need in sorted(lacking, key=lambda each: (each.stage, each.kind is Kind.RECORD, each.path, each.member or "")):
        what = "has other bytes on the remote than its name says" if id(need) in damaged else "is not on the remote"
        blocked = any(each.source() is None for each in _blockers(need, lacking))
        remedy = _remedy(need, f"{command} --verify" if id(need) in damaged else command, blocked)
        told.append(Missing(need.stage, need.path, need.member, need.digest, _NAMES[need.kind] + what, remedy))
    return told


def _damaged(storage: Storage, there: list[Need]) -> list[Need]:
    digests = storage.digests(need.place for need in there if need.kind is not Kind.RECORD)
    damaged = []
    for need in there:
        found = storage.read(need.place) if need.kind is Kind.RECORD else digests[need.place]
        if found is None or not need.is_of(found):
            damaged.append(need)
    return damaged


def _read_from_remote(need: Need) -> bool:
    """A listing that only the remote has: damaged, it would hide its members, and nothing would seem to be missing."""
    return need.kind is Kind.LISTING and need.source() is None


def _blockers(need: Need, lacking: list[Need]) -> list[Need]:
    """What must be there before: a listing's members, and for a record all outputs of its stage."""
    if need.kind is Kind.FILE:
        return []
    earlier = (each for each in lacking if each.kind < need.kind and each.stage == need.stage)
    return [each for each in earlier if need.kind is Kind.RECORD or each.path == need.path]


def _remedy(need: Need, command: str, blocked: bool) -> str:
    if blocked:
        return f"mend the other findings of {need.stage}, then {command} --push"
    if need.source():
        return f"{command} --push"
    if need.stage.endswith(".dvc"):
        return f"bring {need.path} back (data/raw: python -I data/fetch.py), then {command} --push"
    return f"dvc repro -f {need.stage}, then {command} --push; or push from a checkout with a good copy"
