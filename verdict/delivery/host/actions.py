"""The actions of a guard: the difference between the target of each slot and what runs there, one safe step of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from verdict.delivery.host.state import CANARY, TRIED, Evidence, Release, Slot, Stage, State

# The weight of a server where there are one or two, and haproxy's greatest weight.
FULL, _GREATEST = 100, 256
# After so many ends by itself a server is not started again.
DEATHS = 3


@dataclass(frozen=True)
class Start:
    """Start a release in a slot, with another artifact beside it to compare."""

    slot: str
    release: Release
    beside: Release | None


@dataclass(frozen=True)
class Stop:
    """Stop the server of a slot."""

    slot: str


@dataclass(frozen=True)
class Weigh:
    """Set a slot's share of the requests."""

    slot: str
    weight: int


@dataclass(frozen=True)
class Smoke:
    """Run the smoke test on a slot."""

    slot: str
    release: Release


Action = Start | Stop | Weigh | Smoke


@dataclass(frozen=True)
class Target:
    """The release and the weight that a slot is to have."""

    release: Release | None
    weight: int = 0
    beside: Release | None = None

    def runs_in(self, slot: Slot) -> bool:
        """Return whether the server of a slot has this release, and the artifact beside it."""
        return slot.release == self.release and slot.beside == self.beside


def targets(state: State, servers: tuple[str, ...], died: int = 0) -> dict[str, Target]:
    """Return the target of each slot; `died` is how often the server in the canary's slot ended by itself."""
    full = _full_weight(len(servers))
    slots = dict.fromkeys(servers, Target(state.stable, full)) | {CANARY: Target(None)}
    if state.stage in TRIED:
        share = state.limits.weights[state.step] if state.stage == Stage.CANARY else 0
        slots[CANARY] = Target(state.candidate, _canary_weight(share, len(servers)), state.base)
        if state.is_shadow:
            slots[servers[-1]] = Target(state.stable, full, state.candidate)
    elif state.stage == Stage.PROMOTING:
        slots[CANARY] = Target(state.candidate, full, state.base)
        slots |= {name: Target(state.candidate, full) for name in servers[: state.replaced + 1]}
    elif state.stage == Stage.WATCHED and died < DEATHS:
        slots[CANARY] = Target(state.previous)  # stands by, so that the way back needs no start
    elif state.stage == Stage.RETURNING:
        slots = {name: Target(state.previous, full) for name in (*servers, CANARY)}
    return slots


def _canary_weight(share: int, servers: int) -> int:
    """Return the weight by which one slot gets `share` percent beside `servers` of full weight."""
    return min(_GREATEST, max(1, round(_full_weight(servers) * servers * share / (100 - share)))) if share else 0


def _full_weight(servers: int) -> int:
    """Return the weight of each server, such that one canary can have half of all requests."""
    return max(1, min(FULL, _GREATEST // servers))


def actions(state: State, evidence: Evidence) -> Iterator[Action]:
    """Yield what is to be done now; nothing where each slot meets its target."""
    slots, goals = evidence.slots, targets(state, evidence.servers, evidence.slots[CANARY].died)
    sound = {name for name, slot in slots.items() if slot.sound and goals[name].runs_in(slot)}
    # Users must have answers: a wrong server keeps its requests until a right one has some.
    is_served = any(slots[name].weight and goals[name].weight for name in sound)
    for name in (CANARY, *evidence.servers):
        slot, target = slots[name], goals[name]
        if target.runs_in(slot):
            weight = 0 if slot.mismatch and is_served else target.weight
            if slot.weight != weight and (slot.sound or weight < slot.weight):
                yield Weigh(name, weight)
        elif slot.release is None and target.release is not None:
            if slot.weight and (is_served or name == CANARY):  # its server ended by itself: until it is back
                yield Weigh(name, 0)
            yield Start(name, target.release, target.beside)
        elif slot.weight and (is_served or name == CANARY or target.release is None):
            yield Weigh(name, 0)
        elif not slot.weight and slot.idle:
            yield Stop(name)
    if state.stage == Stage.SMOKE and evidence.smoke is None and state.candidate is not None:
        yield Smoke(CANARY, state.candidate)


def serves(evidence: Evidence, name: str, release: Release | None) -> bool:
    """Return whether a slot has a release, sound, and a server's full weight."""
    slot = evidence.slots[name]
    return Target(release).runs_in(slot) and slot.sound and slot.weight == _full_weight(len(evidence.servers))
