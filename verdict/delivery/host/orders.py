"""Orders to the guard of this host, the progress of an order, and the status of the host."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from verdict.base.errors import VerdictError
from verdict.delivery.host import probe
from verdict.delivery.host.rules import Limits
from verdict.delivery.host.settings import Settings
from verdict.delivery.host.state import CANARY, TRIED, Order, Release, Stage, State
from verdict.delivery.host.store import Store

_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
# Seconds without a change after which the guard is looked for.
_SILENCE = 30.0


def read_release(path: Path) -> Release:
    """Read a release from a JSON file; `VerdictError` when it is missing or invalid."""
    remedy = "its whole path; or anew, in a clone: verdict release show VERSION > release.json"
    try:
        return _RELEASE.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise VerdictError(str(path.absolute()), "no such file", remedy) from None
    except ValidationError as error:
        problem = error.errors()[0]
        what = ": ".join([*map(str, problem["loc"]), problem["msg"]])
        raise VerdictError(str(path), what, remedy) from None


def limits(shadow: bool = False, labels: int = 0, forced: bool = False) -> Limits:
    """Return the limits of a canary, a shadow, an A/B trial with so many labels, or a forced roll."""
    weights = () if forced else (0,) if shadow else (50,) if labels else Limits().weights
    return Limits(weights=weights, labels=labels)


def submit(settings: Settings, environment: str | None, order: Order) -> None:
    """Give an order to the guard; `VerdictError` when this is a host of another environment."""
    if environment not in (None, settings.environment):
        what = f"this host is {settings.environment}"
        raise VerdictError(f"--to {environment}", what, "run it on that host, or --host FILE")
    if order.limits.weights == (0,) and len(settings.slots) < 3:
        what = "what serves must compare in one slot, and answer in another, and here it has one"
        raise VerdictError("--shadow", what, "a second server in haproxy.cfg and host.toml, or a canary")
    Store(settings.folder).order.write(order)


def require_guard(settings: Settings, order: Order) -> None:
    """Raise `VerdictError` when no guard runs, and withdraw the order: it must not begin on another day."""
    store = Store(settings.folder)
    if not store.is_guarded():
        raise _withdrawn(store, order)


def follow(settings: Settings, order: Order, tell: Callable[[str], None]) -> str:
    """Wait until an order has ended, and tell how it goes, a line for each change.

    Returns:
        `promoted`, `held`, `rolled back`, `failed`, `undecided`, `refused` or `superseded`.

    Raises:
        VerdictError: no guard takes it up.
    """
    store, line, since, taken = Store(settings.folder), "", time.monotonic(), False
    while True:
        state, last, outcome = store.state.read() or State(settings.environment), line, ""
        taken = taken or state.order == order
        if state.done == order.name and state.stage != Stage.RETURNING:
            outcome = state.outcome or "superseded"
        elif state.order != order and (taken or store.order.read() not in (order, None)):
            outcome = "superseded"
        line = summary(state)
        if outcome == "superseded":
            line = f"superseded, by what was asked for since: {line}"
        if line != last:
            tell(line)
            since = time.monotonic()
        elif time.monotonic() - since > _SILENCE:
            error = store.last_error()
            can_wait = state.order == order or state.done == order.name or error
            if not store.is_guarded() or not (can_wait or state.stage in (Stage.PROMOTING, Stage.RETURNING)):
                raise _withdrawn(store, order)
            if error:
                tell(f"the guard cannot go on: {error}")
            since = time.monotonic()
        if outcome:
            return outcome
        time.sleep(0.2)


def _withdrawn(store: Store, order: Order) -> VerdictError:
    """Withdraw an order that no guard follows, which must not begin on another day; the error that says so."""
    state = store.state.read()
    store.remove_order(order)
    is_begun = state is not None and state.order == order
    what = "no guard goes on with this" if is_begun else "no guard took this up, and it is taken back"
    return VerdictError(str(store.folder), what, "run `verdict guard` there, as a service of the host")


def summary(state: State) -> str:
    """Return a state in a line."""
    if state.stage in (*TRIED, Stage.PROMOTING) and state.candidate is not None:
        weights = state.limits.weights
        share = f" {weights[state.step]} %" if state.stage == Stage.CANARY else ""
        return f"{state.candidate.version}: {state.stage}{share}"
    if state.stage == Stage.RETURNING and state.previous is not None and state.replaced:
        return f"{state.previous.version} answers all requests; the other servers follow"
    serves = state.stable.version if state.stable is not None else "nothing"
    last = ": ".join(filter(None, (state.outcome, state.reason)))
    return f"{serves} serves, {state.stage}" + (f" (last: {last})" if last else "")


@dataclass(frozen=True)
class Status:
    """The guard's state beside the answers of the servers.

    Args:
        state: of the guard.
        slots: version, weight and readiness of each; `places` in JSON.
        wrong: the differences; empty when all agree.
        pending: the version that the tag of the environment does not name yet.
    """

    state: State
    slots: Annotated[dict[str, dict[str, Any]], Field(alias="places")]
    wrong: tuple[str, ...]
    pending: str


STATUS_JSON: TypeAdapter[Status] = TypeAdapter(Status)


def status(settings: Settings) -> Status:
    """Compare the guard's state with the proxy and each server; `VerdictError` when the proxy does not answer."""
    store, host = Store(settings.folder), settings.host()
    state, stats, slots = store.state.read() or State(settings.environment), host.proxy.stats(), {}
    serves = state.stable.version if state.stable is not None else ""
    wrong = [] if store.is_guarded() else ["no guard runs here: nothing is watched, and nothing is started again"]
    for name, (users, _) in settings.slots.items():
        running = host.servers.running(name)
        version = running.release.version if running is not None else None
        slots[name] = {"version": version, "weight": stats[name].weight, "ready": probe.is_ready(users)}
        if name == CANARY or state.stage in (Stage.PROMOTING, Stage.RETURNING):
            continue
        if (version or "") != serves:
            wrong.append(f"{name} has {version or 'nothing'}, the state says {serves or 'nothing'}")
        elif running is not None and (difference := probe.mismatch(users, running.release)):
            wrong.append(f"{name}: {difference}")
    return Status(state, slots, tuple(wrong), serves if serves != store.recorded.read() else "")


def prune(settings: Settings, keep: int) -> list[str]:
    """Remove images of releases but for the newest `keep`, and those that serve, served before or are tried."""
    state, host = Store(settings.folder).state.read() or State(settings.environment), settings.host()
    needed = {release.image for release in (state.stable, state.previous, state.candidate) if release is not None}
    return host.servers.prune(needed, keep)
