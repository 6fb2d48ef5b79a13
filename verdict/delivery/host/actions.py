"""What a host is to do: the difference between what each place is to have and what is there, one safe step of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verdict.delivery.host.state import CANARY, TRIED, Evidence, Release, Slot, Stage, State

# Of a server that users ask, where there are one or two; haproxy takes 0 to 256.
FULL, _MOST = 100, 256
# After so many ends by itself nothing is started again.
DEATHS = 3


@dataclass(frozen=True)
class Start:
    """Start a release in a place, with the artifact of another beside it to be compared."""

    slot: str
    release: Release
    beside: Release | None


@dataclass(frozen=True)
class Stop:
    """Stop what runs in a place."""

    slot: str


@dataclass(frozen=True)
class Weigh:
    """Give a place its share of the requests."""

    slot: str
    weight: int


@dataclass(frozen=True)
class Smoke:
    """Ask what runs in a place what must be answered right before any user asks it."""

    slot: str
    release: Release


Action = Start | Stop | Weigh | Smoke


@dataclass(frozen=True)
class Want:
    """What a place is to have."""

    release: Release | None
    weight: int = 0
    beside: Release | None = None


def shadows(state: State) -> bool:
    """Whether what is tried is compared, and given to nobody."""
    return state.stage == Stage.CANARY and state.limits.weights[state.step] == 0


def wanted(state: State, servers: tuple[str, ...], died: int = 0) -> Mapping[str, Want]:
    """Which release each place is to have, with which weight; `died` is how often what stands by ended by itself."""
    most = full(len(servers))
    serving = Want(state.stable, most)
    want = dict.fromkeys(servers, serving) | {CANARY: Want(None)}
    if state.stage in TRIED:
        share = state.limits.weights[state.step] if state.stage == Stage.CANARY else 0
        want[CANARY] = Want(state.candidate, _weight(share, len(servers)), beside_of(state))
        if shadows(state):
            want[servers[-1]] = Want(state.stable, most, state.candidate)
    elif state.stage == Stage.PROMOTING:
        want[CANARY] = Want(state.candidate, most, beside_of(state))
        want |= {name: Want(state.candidate, most) for name in servers[: state.replaced + 1]}
    elif state.stage == Stage.WATCHED and died < DEATHS:
        want[CANARY] = Want(state.previous)  # stands by, so that the way back takes no start
    elif state.stage == Stage.RETURNING:
        want = {name: Want(state.previous, most) for name in (*servers, CANARY)}
    return want


def _weight(share: int, servers: int) -> int:
    """By which one place gets `share` percent beside `servers` of full weight."""
    return min(_MOST, max(1, round(full(servers) * servers * share / (100 - share)))) if share else 0


def full(servers: int) -> int:
    """Of each server that users ask, so that one place can have half of all beside them."""
    return max(1, min(FULL, _MOST // servers))


def beside_of(state: State) -> Release | None:
    """With what the new release is compared: not across a MAJOR version, of other labels or texts; not when forced."""
    before, new = state.stable, state.candidate
    if before is None or new is None or not state.limits.weights:
        return None
    return before if comparable(before, new) else None


def comparable(one: Release, other: Release) -> bool:
    """Whether two releases have the same labels and texts: those of one MAJOR version."""
    return one.version.partition(".")[0] == other.version.partition(".")[0]


def actions(state: State, seen: Evidence) -> Iterator[Action]:
    """What is to be done now; nothing where each place has what it is to have."""
    want = wanted(state, seen.servers, seen.slots[CANARY].died)
    right = {name for name, slot in seen.slots.items() if slot.sound and _is(slot, want[name])}
    # Somebody must answer: what is wrong keeps its requests until something right has some.
    carried = any(seen.slots[name].weight and want[name].weight for name in right)
    for name in (CANARY, *seen.servers):
        slot, wish = seen.slots[name], want[name]
        if _is(slot, wish):
            weight = 0 if slot.foreign and carried else wish.weight
            if slot.weight != weight and (slot.sound or weight < slot.weight):
                yield Weigh(name, weight)
        elif slot.release is None and wish.release is not None:
            if slot.weight and (carried or name == CANARY):  # of one that ended by itself: until it is back
                yield Weigh(name, 0)
            yield Start(name, wish.release, wish.beside)
        elif slot.weight and (carried or name == CANARY or wish.release is None):
            yield Weigh(name, 0)
        elif not slot.weight and slot.idle:
            yield Stop(name)
    if state.stage == Stage.SMOKE and seen.smoke is None and state.candidate is not None:
        yield Smoke(CANARY, state.candidate)


def _is(slot: Slot, wish: Want) -> bool:
    return slot.release == wish.release and slot.beside == wish.beside


def answers_alone(seen: Evidence, release: Release | None) -> bool:
    """Whether a release gets all requests, in however few places."""
    asked = [slot for slot in seen.slots.values() if slot.weight]
    return bool(asked) and all(slot.release == release and slot.sound for slot in asked)


def serves(seen: Evidence, name: str, release: Release | None) -> bool:
    """Whether a place has a release, sound, and all that a server gets of the requests."""
    slot = seen.slots[name]
    return _is(slot, Want(release)) and slot.sound and slot.weight == full(len(seen.servers))
