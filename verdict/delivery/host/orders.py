"""What a person or deploy.yml asks of the guard of this host, how it goes, and what serves."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from verdict.base.errors import VerdictError
from verdict.delivery.host import asking
from verdict.delivery.host.rules import Limits
from verdict.delivery.host.settings import Settings
from verdict.delivery.host.state import CANARY, TRIED, Ask, Release, Stage, State
from verdict.delivery.host.store import Store

_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
# A guard that follows looks once a second.
_SILENCE = 30.0


def read_release(path: Path) -> Release:
    """A release from a JSON file; `VerdictError` when it is missing or says something else."""
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
    """Of a canary; of a comparison that nobody sees; of half the users until so many labels came back."""
    weights = () if forced else (0,) if shadow else (50,) if labels else Limits().weights
    return replace(Limits(), weights=weights, labels=labels)


def ask(settings: Settings, environment: str | None, given: Ask) -> None:
    """Hand it to the guard; `VerdictError` when this is a host of another environment."""
    if environment not in (None, settings.environment):
        what = f"this host is {settings.environment}"
        raise VerdictError(f"--to {environment}", what, "run it on that host, or --host FILE")
    if given.limits.weights == (0,) and len(settings.places) < 3:
        what = "what serves must compare in one place, and answer in another, and here it has one"
        raise VerdictError("--shadow", what, "a second server in haproxy.cfg and host.toml, or a canary")
    Store(settings.folder).write_ask(given)


def leave(settings: Settings, given: Ask) -> None:
    """Wait no longer; `VerdictError` when no guard runs: it is taken back, and does not begin on another day."""
    store = Store(settings.folder)
    if not store.guarded():
        _require_guard(store, given, store.state() or State(settings.environment))


@dataclass
class Followed:
    """How a request ended: `promoted`, `held`, `rolled back`, `failed`, `undecided`, `refused` or `superseded`."""

    outcome: str = ""


def follow(settings: Settings, given: Ask, ended: Followed) -> Iterator[str]:
    """Lines that say how it goes, until it has ended.

    Raises:
        VerdictError: no guard takes it up.
    """
    store, last, since, taken = Store(settings.folder), "", time.monotonic(), False
    while not ended.outcome:
        state = store.state() or State(settings.environment)
        taken = taken or state.ask == given
        if state.done == given.name and state.stage != Stage.RETURNING:
            ended.outcome = state.outcome or "superseded"
        elif state.ask != given and (taken or store.ask() not in (given, None)):
            ended.outcome = "superseded"
        line = (
            said(state) if ended.outcome != "superseded" else f"superseded, by what was asked for since: {said(state)}"
        )
        if line != last:
            yield line
            last, since = line, time.monotonic()
        elif time.monotonic() - since > _SILENCE:
            _require_guard(store, given, state)
            if trouble := store.trouble():
                yield f"the guard cannot go on: {trouble}"
            since = time.monotonic()
        time.sleep(0.2)


def _require_guard(store: Store, given: Ask, state: State) -> None:
    """Take back what no guard has taken up: it must not begin on a day when nobody thinks of it any more."""
    waits = state.stage in (Stage.PROMOTING, Stage.RETURNING) or store.trouble()
    if store.guarded() and (state.ask == given or state.done == given.name or waits):
        return
    store.forget_ask(given)
    what = "no guard goes on with this" if state.ask == given else "no guard took this up, and it is taken back"
    raise VerdictError(str(store.folder), what, "run `verdict guard` there, as a service of the host")


def said(state: State) -> str:
    """A state in a line."""
    if state.stage in (*TRIED, Stage.PROMOTING) and state.candidate is not None:
        weights = state.limits.weights
        share = f" {weights[state.step]} %" if state.stage == Stage.CANARY else ""
        return f"{state.candidate.version}: {state.stage}{share}"
    if state.stage == Stage.RETURNING and state.previous is not None and state.replaced:
        return f"{state.previous.version} answers all requests; the other servers follow"
    serves = state.stable.version if state.stable is not None else "nothing"
    last = ": ".join(part for part in (state.outcome, state.reason) if part)
    return f"{serves} serves, {state.stage}" + (f" (last: {last})" if last else "")


@dataclass(frozen=True)
class Status:
    """What serves on a host, by its state and by what the servers say themselves.

    Args:
        state: of the guard.
        places: of each place what it says, and its weight.
        wrong: what differs; empty when all agree.
        pending: what the tag of the environment does not say yet.
    """

    state: State
    places: dict[str, dict[str, Any]]
    wrong: tuple[str, ...]
    pending: str


def status(settings: Settings) -> Status:
    """Ask the guard's state, the proxy and each server; `VerdictError` when the proxy does not answer."""
    store, host = Store(settings.folder), settings.host()
    state, lines, places = store.state() or State(settings.environment), host.proxy.lines(), {}
    wrong = [] if store.guarded() else ["no guard runs here: nothing is watched, and nothing is started again"]
    for name, (users, _) in settings.places.items():
        running = host.servers.running(name)
        version = running.release.version if running is not None else None
        places[name] = {"version": version, "weight": lines[name].weight, "ready": asking.ready(users)}
        if name == CANARY or state.stage in (Stage.PROMOTING, Stage.RETURNING):
            continue
        expected = state.stable.version if state.stable is not None else None
        if version != expected:
            wrong.append(f"{name} has {version or 'nothing'}, the state says {expected or 'nothing'}")
        elif running is not None and (difference := asking.foreign(users, running.release)):
            wrong.append(f"{name}: {difference}")
    serves = state.stable.version if state.stable is not None else ""
    return Status(state, places, tuple(wrong), serves if serves != store.recorded() else "")


def prune(settings: Settings, keep: int) -> list[str]:
    """Remove images of releases but for the newest `keep`, and those that serve, served before or are tried.

    Returns:
        What was removed.
    """
    state, host = Store(settings.folder).state() or State(settings.environment), settings.host()
    needed = {one.image for one in (state.stable, state.previous, state.candidate) if one is not None}
    return host.servers.prune(needed, keep)
