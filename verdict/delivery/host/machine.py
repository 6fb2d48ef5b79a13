"""The state machine of a roll: from where it stands and what is known to where it goes, and what is to be done.

A pure function, without clock or I/O. A state says which release each place is to have and with which weight; the
actions are the difference to what is there, one safe step of it. So a guard that dies between any two of them goes on
where the world is, not where it believed to be.
"""

from dataclasses import replace

from verdict.delivery.host import rules
from verdict.delivery.host.actions import (
    DEATHS,
    Action,
    actions,
    answers_alone,
    beside_of,
    comparable,
    serves,
    shadows,
)
from verdict.delivery.host.rules import Limits
from verdict.delivery.host.state import CANARY, TRIED, Evidence, Order, Stage, State

# Seconds of a promotion or a way back, after which it is given up.
_PATIENCE = 600.0
# Requests, and times the limit, from which on nobody waits for the end of the step.
_SURELY_SLOW = 100, 3.0


def step(state: State, evidence: Evidence) -> tuple[State, tuple[Action, ...]]:
    """Go on: the next state, and what is to be done now."""
    new = _advance(state, evidence)
    return new, tuple(actions(new, evidence))


def _advance(state: State, seen: Evidence) -> State:
    if seen.now < state.since:  # the clock was put back: no limit of time is to wait for its old reading
        state = replace(state, since=seen.now)
    if seen.restarted and state.stage in TRIED:
        return _dropped(state, seen.now, "rolled back", "the guard ended while it was tried")
    if seen.ask is not None and _is_new(seen.ask, state):
        return _begun(state, seen.ask, seen.now)
    return _NEXT[state.stage](state, seen)


def _is_new(ask: Order, state: State) -> bool:
    """Whether it is to be looked at now: a release waits for the end of a promotion, or of a way back."""
    if ask.name == state.done or (state.ask is not None and ask.name == state.ask.name):
        return False
    return ask.release is None or state.stage not in (Stage.PROMOTING, Stage.RETURNING)


def _begun(state: State, ask: Order, now: float) -> State:
    if ask.release is None:
        return _back(state, ask, now)
    if state.stage in TRIED:
        return _dropped(state, now, "superseded", f"{ask.release.version} was asked for")
    if ask.release == state.stable:
        return replace(state, done=ask.name, outcome="refused", reason=f"{ask.release.version} serves already")
    return replace(state, stage=Stage.STARTING, ask=ask, step=0, replaced=0, since=now, outcome="", reason="")


def _back(state: State, ask: Order, now: float) -> State:
    if state.stage in TRIED:
        return replace(_dropped(state, now, "rolled back", ask.why or "by hand"), done=ask.name)
    if state.stage == Stage.RETURNING:
        return replace(state, done=ask.name)
    if state.stage != Stage.PROMOTING and state.previous is None:
        return replace(state, done=ask.name, outcome="refused", reason="nothing served before")
    return replace(_returning(state, now, ask.why or "by hand"), done=ask.name)


def _dropped(state: State, now: float, outcome: str, reason: str) -> State:
    """What is tried goes; what serves stays, and is watched on where its time is not over."""
    done = state.ask.name if state.ask is not None else state.done
    watched = state.previous is not None and now - state.promoted < Limits().watch
    stage, since = (Stage.WATCHED, state.promoted) if watched else (Stage.SETTLED, now)
    return replace(state, stage=stage, ask=None, since=since, outcome=outcome, reason=reason, done=done)


def _returning(state: State, now: float, reason: str) -> State:
    """What served before serves again: in a promotion that is still `stable`."""
    if state.stage == Stage.PROMOTING and state.stable is None:  # nothing served before
        return _dropped(state, now, "failed", reason)
    before = state.stable if state.stage == Stage.PROMOTING else state.previous
    done = state.ask.name if state.ask is not None else state.done
    changed = replace(state, stage=Stage.RETURNING, ask=None, previous=before, since=now, replaced=0, done=done)
    return replace(changed, outcome="rolled back", reason=reason)


def _starting(state: State, seen: Evidence) -> State:
    slot = seen.slots[CANARY]
    if slot.died >= DEATHS:
        told = slot.why or f"it ended by itself {slot.died} times; its log says why"
        return _dropped(state, seen.now, "failed", told)
    # What stood by there until now is not the new release, and was not started now.
    is_new = slot.release == state.candidate and slot.beside == beside_of(state)
    if is_new and slot.ready:
        if slot.foreign:
            return _dropped(state, seen.now, "failed", slot.foreign)
        return replace(state, stage=Stage.SMOKE, since=seen.now)
    if is_new and slot.age > state.limits.start:
        return _dropped(state, seen.now, "failed", f"not ready after {state.limits.start:.0f} s")
    if seen.now - state.since > _PATIENCE:  # an image that is still not there, or a place that does not become free
        return _dropped(state, seen.now, "failed", f"not started after {_PATIENCE:.0f} s")
    return state


def _smoked(state: State, seen: Evidence) -> State:
    if seen.smoke is None:
        late = seen.now - state.since > _PATIENCE
        return _dropped(state, seen.now, "failed", "the smoke test did not end") if late else state
    if seen.smoke:
        return _dropped(state, seen.now, "failed", f"smoke: {seen.smoke}")
    # Nothing to be compared with, nobody who asks, or forced.
    at_once = state.stable is None or state.environment == "staging" or not state.limits.weights
    if at_once and state.ask is not None and not state.ask.promote:
        return _dropped(state, seen.now, "held", "its smoke test held; it was only to be tried")
    return replace(state, stage=Stage.PROMOTING if at_once else Stage.CANARY, since=seen.now)


def _canary(state: State, seen: Evidence) -> State:
    slot, limits, spent = seen.slots[CANARY], state.limits, seen.now - state.since
    fails = rules.failing(seen.canary, limits) or rules.slow(seen.canary, seen.stable, limits, *_SURELY_SLOW)
    if slot.died:
        fails = fails or "it ended by itself"
    elif slot.foreign:
        fails = fails or slot.foreign
    elif shadows(state) and seen.slots[seen.servers[-1]].died >= DEATHS:
        fails = fails or f"what serves ended by itself in {seen.servers[-1]} with it beside"
    if fails:
        return _dropped(state, seen.now, "rolled back", fails)
    if not _enough(state, seen):
        late = spent > limits.step
        return _dropped(state, seen.now, "undecided", _little(state, seen)) if late else state
    expected = state.candidate.differs if state.candidate is not None else 0.0
    fails = rules.wanting(seen.canary, seen.stable, limits, expected) or _worse(seen, limits)
    if fails:
        return _dropped(state, seen.now, "rolled back", fails)
    if state.step + 1 < len(limits.weights):
        return replace(state, step=state.step + 1, since=seen.now)
    if state.ask is not None and not state.ask.promote:
        return _dropped(state, seen.now, "held", "every step held; it was only to be tried")
    return replace(state, stage=Stage.PROMOTING, replaced=0, since=seen.now)


def _worse(seen: Evidence, limits: rules.Limits) -> str:
    """Why the labels that came back stop a trial."""
    mine, theirs = seen.canary, seen.stable
    if not limits.labels or rules.compared(mine, theirs) != "worse":
        return ""
    return f"{mine.right} of {mine.labelled} right, beside {theirs.right} of {theirs.labelled} of what serves"


def _enough(state: State, seen: Evidence) -> bool:
    limits, canary = state.limits, seen.canary
    labelled = min(canary.labelled, seen.stable.labelled) >= limits.labels
    if shadows(state):
        return seen.slots[seen.servers[-1]].beside == state.candidate and canary.same + canary.other >= limits.requests
    # Requests that were neither timed nor compared say little: those of a page, or of a server that tells no figures.
    told = canary.p99 is not None and (beside_of(state) is None or canary.same + canary.other >= limits.requests / 10)
    return labelled and told and canary.requests >= limits.requests


def _little(state: State, seen: Evidence) -> str:
    got = f"{seen.canary.requests} requests, {seen.canary.same + seen.canary.other} texts compared"
    got += f", {seen.canary.labelled} labels" if state.limits.labels else ""
    hours = (seen.now - state.since) / 3600
    return f"too little to judge: {got} in {hours:.1f} hours at {state.limits.weights[state.step]} %"


def _promoting(state: State, seen: Evidence) -> State:
    fails = rules.failing(seen.canary, state.limits)
    died = [name for name in seen.servers[: state.replaced + 1] if seen.slots[name].died >= DEATHS]
    if fails or died:
        return _returning(state, seen.now, fails or f"it ended by itself in {', '.join(died)}")
    replaced = state.replaced
    while replaced < len(seen.servers) and serves(seen, seen.servers[replaced], state.candidate):
        replaced += 1
    if replaced == len(seen.servers):
        done = state.ask.name if state.ask is not None else ""
        served = replace(state, stable=state.candidate, previous=state.stable, promoted=seen.now, ask=None, done=done)
        return replace(served, stage=Stage.WATCHED, replaced=0, since=seen.now, outcome="promoted", reason="")
    if replaced != state.replaced:
        return replace(state, replaced=replaced, since=seen.now)
    return _returning(state, seen.now, "a server did not come up") if seen.now - state.since > _PATIENCE else state


def _watched(state: State, seen: Evidence) -> State:
    fails = rules.failing(seen.stable, state.limits) or _degraded(state, seen)
    died = [name for name in seen.servers if seen.slots[name].died >= DEATHS]
    if (fails or died) and state.previous is not None:
        return _returning(state, seen.now, fails or f"it ended by itself in {', '.join(died)}")
    over = seen.now - state.since > state.limits.watch
    return replace(state, stage=Stage.SETTLED, since=seen.now) if over else state


def _degraded(state: State, seen: Evidence) -> str:
    """Why the labels that came back take a promoted release back."""
    same = state.stable is not None and state.previous is not None and comparable(state.stable, state.previous)
    return rules.degraded(seen.live, seen.before if same else rules.Counts(), seen.floor)


def _returned(state: State, seen: Evidence) -> State:
    if all(serves(seen, name, state.previous) for name in seen.servers):
        return replace(state, stage=Stage.SETTLED, stable=state.previous, previous=None, since=seen.now)
    if seen.now - state.since > _PATIENCE:  # rather what does badly than nothing
        kept = replace(state, stage=Stage.SETTLED, previous=None, since=seen.now, outcome="failed")
        return replace(kept, reason=f"{state.reason}; what served before did not come up")
    return replace(state, replaced=1) if answers_alone(seen, state.previous) else state


def _settled(state: State, seen: Evidence) -> State:
    return state


_NEXT = {
    Stage.SETTLED: _settled,
    Stage.STARTING: _starting,
    Stage.SMOKE: _smoked,
    Stage.CANARY: _canary,
    Stage.PROMOTING: _promoting,
    Stage.WATCHED: _watched,
    Stage.RETURNING: _returned,
}
