"""The state machine of a roll: from a state and the evidence to the next state and the actions.

A pure function, without clock or I/O. A state gives each slot a release and a weight; the actions are the difference to
what runs there, one safe step of it. So a guard that is killed between two actions continues from what runs, whatever
it had done.
"""

from collections.abc import Callable
from dataclasses import replace

from verdict.delivery.host import rules
from verdict.delivery.host.actions import DEATHS, Action, actions, serves
from verdict.delivery.host.rules import Counts, Limits
from verdict.delivery.host.state import CANARY, TRIED, Evidence, Order, Stage, State

# Seconds after which a promotion or a way back is given up.
_PATIENCE = 600.0
# After so many requests, p99 above so many times its limit ends a step early.
_SURELY_SLOW = 100, 3.0


def step(state: State, evidence: Evidence) -> tuple[State, tuple[Action, ...]]:
    """Return the next state, and the actions that it needs now."""
    new = _advance(state, evidence)
    return new, tuple(actions(new, evidence))


def _advance(state: State, evidence: Evidence) -> State:
    if evidence.now < state.since:  # the clock was put back: no time limit may wait for its old reading
        state = replace(state, since=evidence.now)
    if evidence.restarted and state.stage in TRIED:
        return _drop(state, evidence.now, "rolled back", "the guard ended while it was tried")
    if evidence.order is not None and _is_due(evidence.order, state):
        return _follow(state, evidence.order, evidence.now)
    return _NEXT[state.stage](state, evidence)


def _is_due(order: Order, state: State) -> bool:
    """Return whether an order is new; a release waits for the end of a promotion, or of a way back."""
    if order.name == state.done or (state.order is not None and order.name == state.order.name):
        return False
    return order.release is None or state.stage not in (Stage.PROMOTING, Stage.RETURNING)


def _follow(state: State, order: Order, now: float) -> State:
    if order.release is None:
        return _roll_back(state, order, now)
    if state.stage in TRIED:
        return _drop(state, now, "superseded", f"{order.release.version} was asked for")
    if order.release == state.stable:
        return replace(state, done=order.name, outcome="refused", reason=f"{order.release.version} serves already")
    return replace(state, stage=Stage.STARTING, order=order, step=0, replaced=0, since=now, outcome="", reason="")


def _roll_back(state: State, order: Order, now: float) -> State:
    reason = order.why or "by hand"
    if state.stage in TRIED:
        return replace(_drop(state, now, "rolled back", reason), done=order.name)
    if state.stage == Stage.RETURNING:
        return replace(state, done=order.name)
    if state.stage != Stage.PROMOTING and state.previous is None:
        return replace(state, done=order.name, outcome="refused", reason="nothing served before")
    return replace(_return(state, now, reason), done=order.name)


def _drop(state: State, now: float, outcome: str, reason: str) -> State:
    """Drop the candidate; the stable release stays, and is watched on where its time is not over."""
    is_watched = state.previous is not None and now - state.promoted < Limits().watch
    stage, since = (Stage.WATCHED, state.promoted) if is_watched else (Stage.SETTLED, now)
    return replace(_end(state, outcome, reason), stage=stage, since=since)


def _return(state: State, now: float, reason: str) -> State:
    """Return to the release before; in a promotion that is still `stable`."""
    if state.stage == Stage.PROMOTING and state.stable is None:  # nothing served before
        return _drop(state, now, "failed", reason)
    before = state.stable if state.stage == Stage.PROMOTING else state.previous
    ended = _end(state, "rolled back", reason)
    return replace(ended, stage=Stage.RETURNING, previous=before, replaced=0, since=now)


def _end(state: State, outcome: str, reason: str) -> State:
    return replace(state, order=None, done=state.newest_order, outcome=outcome, reason=reason)


def _after_start(state: State, evidence: Evidence) -> State:
    slot = evidence.slots[CANARY]
    if slot.died >= DEATHS:
        reason = slot.start_error or f"it ended by itself {slot.died} times; its log says why"
        return _drop(state, evidence.now, "failed", reason)
    # The server that stood by until now is not the candidate's, and was not started now.
    is_candidate = slot.release == state.candidate and slot.beside == state.base
    if is_candidate and slot.ready:
        if slot.mismatch:
            return _drop(state, evidence.now, "failed", slot.mismatch)
        return replace(state, stage=Stage.SMOKE, since=evidence.now)
    if is_candidate and slot.age > state.limits.start:
        return _drop(state, evidence.now, "failed", f"not ready after {state.limits.start:.0f} s")
    if evidence.now - state.since > _PATIENCE:  # an image that does not arrive, or a slot that does not become free
        return _drop(state, evidence.now, "failed", f"not started after {_PATIENCE:.0f} s")
    return state


def _after_smoke(state: State, evidence: Evidence) -> State:
    if evidence.smoke is None:
        late = evidence.now - state.since > _PATIENCE
        return _drop(state, evidence.now, "failed", "the smoke test did not end") if late else state
    if evidence.smoke:
        return _drop(state, evidence.now, "failed", f"smoke: {evidence.smoke}")
    # Without a release to compare with, without users, or forced.
    at_once = state.stable is None or state.environment == "staging" or not state.limits.weights
    if at_once and state.order is not None and not state.order.promote:
        return _drop(state, evidence.now, "held", "its smoke test held; it was only to be tried")
    return replace(state, stage=Stage.PROMOTING if at_once else Stage.CANARY, since=evidence.now)


def _after_canary(state: State, evidence: Evidence) -> State:
    slot, limits, now = evidence.slots[CANARY], state.limits, evidence.now
    slow = rules.slow(evidence.canary, evidence.stable, limits, *_SURELY_SLOW)
    reason = rules.failing(evidence.canary, limits) or slow
    if slot.died:
        reason = reason or "it ended by itself"
    elif slot.mismatch:
        reason = reason or slot.mismatch
    elif state.is_shadow and evidence.slots[evidence.servers[-1]].died >= DEATHS:
        reason = reason or f"what serves ended by itself in {evidence.servers[-1]} with it beside"
    if reason:
        return _drop(state, now, "rolled back", reason)
    if not _is_enough(state, evidence):
        late = now - state.since > limits.step
        return _drop(state, now, "undecided", _too_little(state, evidence)) if late else state
    expected = state.candidate.differs if state.candidate is not None else 0.0
    reason = rules.failing_at_end(evidence.canary, evidence.stable, limits, expected) or _worse(evidence, limits)
    if reason:
        return _drop(state, now, "rolled back", reason)
    if state.step + 1 < len(limits.weights):
        return replace(state, step=state.step + 1, since=now)
    if state.order is not None and not state.order.promote:
        return _drop(state, now, "held", "every step held; it was only to be tried")
    return replace(state, stage=Stage.PROMOTING, replaced=0, since=now)


def _worse(evidence: Evidence, limits: Limits) -> str:
    """Return why the labels that came back stop a trial; empty where they do not."""
    candidate, stable = evidence.canary, evidence.stable
    if not limits.labels or rules.compare_labels(candidate, stable) != "worse":
        return ""
    return f"{candidate.right} of {candidate.labelled} right, beside {stable.right} of {stable.labelled} of what serves"


def _is_enough(state: State, evidence: Evidence) -> bool:
    """Return whether the evidence suffices to end a step of the canary."""
    limits, counts = state.limits, evidence.canary
    compared = counts.same + counts.other
    if state.is_shadow:
        return evidence.slots[evidence.servers[-1]].beside == state.candidate and compared >= limits.requests
    # Requests that were neither timed nor compared say little: those of a page, or of a server without metrics.
    measured = counts.p99 is not None and (state.base is None or compared >= limits.requests / 10)
    labelled = min(counts.labelled, evidence.stable.labelled) >= limits.labels
    return labelled and measured and counts.requests >= limits.requests


def _too_little(state: State, evidence: Evidence) -> str:
    counts = evidence.canary
    amount = f"{counts.requests} requests, {counts.same + counts.other} texts compared"
    amount += f", {counts.labelled} labels" if state.limits.labels else ""
    hours = (evidence.now - state.since) / 3600
    return f"too little to judge: {amount} in {hours:.1f} hours at {state.limits.weights[state.step]} %"


def _after_promotion(state: State, evidence: Evidence) -> State:
    now, servers, replaced = evidence.now, evidence.servers, state.replaced
    if reason := rules.failing(evidence.canary, state.limits) or _deaths(evidence, servers[: replaced + 1]):
        return _return(state, now, reason)
    while replaced < len(servers) and serves(evidence, servers[replaced], state.candidate):
        replaced += 1
    if replaced == len(servers):
        promoted = replace(_end(state, "promoted", ""), stable=state.candidate, previous=state.stable, promoted=now)
        return replace(promoted, stage=Stage.WATCHED, replaced=0, since=now)
    if replaced != state.replaced:
        return replace(state, replaced=replaced, since=now)
    return _return(state, now, "a server did not come up") if now - state.since > _PATIENCE else state


def _deaths(evidence: Evidence, servers: tuple[str, ...]) -> str:
    died = [name for name in servers if evidence.slots[name].died >= DEATHS]
    return f"it ended by itself in {', '.join(died)}" if died else ""


def _after_watch(state: State, evidence: Evidence) -> State:
    reason = rules.failing(evidence.stable, state.limits) or _degraded(state, evidence)
    reason = reason or _deaths(evidence, evidence.servers)
    if reason and state.previous is not None:
        return _return(state, evidence.now, reason)
    over = evidence.now - state.since > state.limits.watch
    return replace(state, stage=Stage.SETTLED, since=evidence.now) if over else state


def _degraded(state: State, evidence: Evidence) -> str:
    """Return why the labels that came back roll a promoted release back; empty where they do not."""
    base, candidate = state.previous, state.stable
    is_comparable = base is not None and candidate is not None and candidate.is_comparable(base)
    return rules.degraded(evidence.live, evidence.before if is_comparable else Counts(), evidence.floor)


def _after_return(state: State, evidence: Evidence) -> State:
    if all(serves(evidence, name, state.previous) for name in evidence.servers):
        return replace(state, stage=Stage.SETTLED, stable=state.previous, previous=None, since=evidence.now)
    if evidence.now - state.since > _PATIENCE:  # a release that does badly is better than none
        failed = replace(state, stage=Stage.SETTLED, previous=None, since=evidence.now, outcome="failed")
        return replace(failed, reason=f"{state.reason}; what served before did not come up")
    weighted = [slot for slot in evidence.slots.values() if slot.weight]
    is_back = weighted and all(slot.release == state.previous and slot.sound for slot in weighted)
    return replace(state, replaced=1) if is_back else state


_NEXT: dict[Stage, Callable[[State, Evidence], State]] = {
    Stage.SETTLED: lambda state, _: state,
    Stage.STARTING: _after_start,
    Stage.SMOKE: _after_smoke,
    Stage.CANARY: _after_canary,
    Stage.PROMOTING: _after_promotion,
    Stage.WATCHED: _after_watch,
    Stage.RETURNING: _after_return,
}
