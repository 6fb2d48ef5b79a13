"""The guard: looks at its host once a second, asks the state machine, writes what it says, then does it."""

import time
from collections.abc import Callable

from verdict.base.errors import VerdictError
from verdict.delivery.host import machine
from verdict.delivery.host.host import Host
from verdict.delivery.host.machine import Action, Smoke, Start, Stop, Weigh
from verdict.delivery.host.smoke import smoke
from verdict.delivery.host.state import CANARY, Environment, Evidence, Stage, State
from verdict.delivery.host.store import Store

# Seconds until the next look: while servers start or end, and else; and between two glances at the proxy.
_SOON, _USUAL, _GLANCE = 0.2, 1.0, 0.05
_CHANGING = (Stage.STARTING, Stage.SMOKE, Stage.PROMOTING, Stage.RETURNING)


class Guard:
    """Runs the state machine on a host.

    Args:
        environment: whose users this host has.
        host: its proxy and its servers.
        store: what survives.
        clock: seconds.
    """

    def __init__(
        self, environment: Environment, host: Host, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        self._host, self._store, self._clock = host, store, clock
        self._restarted = True
        self._smoke: str | None = None
        # Where no state was kept, what has the requests is what serves: it is never taken away.
        self.state = store.state() or State(environment, stable=host.serving())
        if self.state.environment != environment:
            what = f"the state is of {self.state.environment}"
            raise VerdictError(str(store.folder), what, f"a folder of its own for {environment}")

    def run(self) -> None:
        """Guard until the process ends; `VerdictError` when another guard does."""
        with self._store.alone():
            trouble = ""
            while True:
                try:
                    if not self.tick():
                        trouble = ""
                        self._wait()
                except VerdictError as error:  # an engine or a proxy that is gone for a while
                    if str(error) != trouble:
                        self._store.say("error", where=error.where, why=error.what)
                    trouble = str(error)
                    time.sleep(_USUAL)

    def _wait(self) -> None:
        """Wait for the next look, which is at once where the proxy counts a failure."""
        end = time.monotonic() + (_SOON if self.state.stage in _CHANGING else _USUAL)
        while time.monotonic() < end:
            time.sleep(_GLANCE)
            if self.state.stage == Stage.CANARY and self._host.alarmed():
                return

    def tick(self) -> bool:
        """Look once, go on, act; whether anything moved."""
        ask, now = self._store.ask(), self._clock()
        canary, stable, slots = self._host.look(now)
        evidence = Evidence(now, slots, canary, stable, self._smoke, self._restarted, ask)
        state, actions = machine.step(self.state, evidence)
        self._restarted = False
        moved = state != self.state or bool(actions)
        if state != self.state:
            self._went(state, evidence)
        for action in actions:
            self._do(action)
        if ask is not None and ask.name == state.done:
            self._store.forget_ask(ask)
        return moved

    def _went(self, state: State, evidence: Evidence) -> None:
        """Write where it goes before anything is done for it."""
        before, self.state = self.state, state
        self._store.write_state(state)
        if (state.stage, state.step) != (before.stage, before.step):
            self._host.begin()
            self._smoke = None
        version = next((one.version for one in (state.candidate, before.candidate, state.stable) if one), None)
        counts = {"canary": vars(evidence.canary), "stable": vars(evidence.stable)}
        told = {"outcome": state.outcome or None, "why": state.reason or None, "step": state.step}
        self._store.say(state.stage, version=version, **told, **counts)

    def _do(self, action: Action) -> None:
        if isinstance(action, Weigh):
            self._host.proxy.weigh(action.slot, action.weight)
        elif isinstance(action, Stop):
            self._host.servers.stop(action.slot)
        elif isinstance(action, Start):
            self._host.start(action.slot, action.release, action.beside)
        else:
            self._smoke = self._smoked(action)
        self._store.say("did", action=type(action).__name__.lower(), **_plain(action))

    def _smoked(self, action: Smoke) -> str:
        port = self._host.ports[CANARY].users
        try:
            folder = self._host.servers.artifact(action.release)
        except VerdictError as error:
            return f"its artifact cannot be had: {error.what}"
        return smoke(action.release, port, folder, self.state.limits.smoke)


def _plain(action: Action) -> dict[str, object]:
    """An action as a line of events.jsonl shows it."""
    return {name: getattr(value, "version", value) for name, value in vars(action).items()}
