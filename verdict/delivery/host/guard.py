"""The guard: looks at its host once a second, asks the state machine, writes what it says, then does it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from verdict.base.errors import VerdictError
from verdict.delivery.host import machine
from verdict.delivery.host.actions import Action, Smoke, Start, Stop, Weigh
from verdict.delivery.host.host import Host
from verdict.delivery.host.smoke import smoke
from verdict.delivery.host.state import CANARY, TRIED, Environment, Evidence, Order, Stage, State
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
        self._trouble, self._unwritten = "", False
        self._did: tuple[Action, ...] = ()
        # Where no state was kept, what has the requests is what serves: it is never taken away.
        self.state = store.state.read() or State(environment, stable=host.serving())
        if self.state.environment != environment:
            what = f"the state is of {self.state.environment}"
            raise VerdictError(str(store.folder), what, f"a folder of its own for {environment}")

    def run(self) -> None:
        """Guard until the process ends; `VerdictError` when another guard does."""
        with self._store.lock():
            self._say("guards")  # the trouble of the guard before is over
            if self._store.state.read() is None:  # what it took over is what `verdict deploy status` compares with
                with suppress(OSError):
                    self._store.state.write(self.state)
            while True:
                if not self.turn():
                    self._wait()

    def turn(self) -> bool:
        """Look and act; whether to look again at once. What goes wrong is told once, and tried again."""
        try:
            moved = self.tick()
        except (VerdictError, OSError) as error:  # an engine, a proxy or room on the disk that is gone for a while
            if str(error) != self._trouble:
                told = (
                    vars(error) if isinstance(error, VerdictError) else {"where": "", "what": str(error), "remedy": ""}
                )
                self._say("error", where=told["where"], why=told["what"], remedy=told["remedy"])
            self._trouble = str(error)
            return False
        if not moved:
            if self._trouble:
                self._say("goes on")  # else who follows would be told of it for ever
            self._trouble = ""
        return moved

    def _say(self, what: str, **details: object) -> None:
        """Add a line to the log; users matter more than the log of a full disk."""
        with suppress(OSError):
            self._store.log(what, **details)

    def _wait(self) -> None:
        """Wait for the next look, which is at once where the proxy counts a failure."""
        end = time.monotonic() + (_SOON if self.state.stage in _CHANGING and not self._trouble else _USUAL)
        while time.monotonic() < end:
            time.sleep(_GLANCE)
            with suppress(VerdictError):  # which the look tells
                if self.state.stage == Stage.CANARY and self._host.alarmed():
                    return

    def tick(self) -> bool:
        """Look once, go on, act; whether anything moved. What is done again, without effect, moves nothing."""
        ask, now = self._next_ask(), self._clock()
        canary, stable, slots = self._host.look(now)
        evidence = Evidence(now, slots, canary, stable, self._smoke, self._restarted, ask)
        evidence = self._labelled(evidence)
        if self._unwritten:
            with suppress(OSError):
                self._store.state.write(self.state)
                self._unwritten = False
        state, actions = machine.step(self.state, evidence)
        self._restarted = False
        moved = state != self.state or actions not in ((), self._did)
        self._did = actions
        if state != self.state:
            self._went(state, evidence)
        for action in actions:
            self._do(action)
            if moved:
                self._say("did", action=type(action).__name__.lower(), **_plain(action))
        if ask is not None and ask.name == state.done:
            self._store.remove_order(ask)
        return moved

    def _labelled(self, evidence: Evidence) -> Evidence:
        """What is known, with the labels that came back."""
        state, labels = self.state, self._host.labels
        canary, stable = labels.since(evidence.canary, state.candidate), labels.since(evidence.stable, state.stable)
        live, before = labels.total(state.stable), labels.total(state.previous)
        return replace(evidence, canary=canary, stable=stable, live=live, before=before, floor=labels.floor)

    def _next_ask(self) -> Order | None:
        """What is asked for; what nobody can read is laid aside: it must not keep the guard from looking."""
        try:
            return self._store.order.read()
        except VerdictError as error:
            self._store.set_order_aside()
            self._say("error", where=error.where, why=error.what)
            return None

    def _went(self, state: State, evidence: Evidence) -> None:
        """Write where it goes before anything is done for it."""
        before = self.state
        try:
            self._store.state.write(state)
        except OSError:
            if before.stage not in TRIED or state.stage not in (Stage.SETTLED, Stage.WATCHED):
                raise
            # What is tried goes all the same: by the state as it is written a guard that comes back takes it back, too.
            self._unwritten = True
        self.state = state
        if (state.stage, state.step) != (before.stage, before.step):
            self._host.begin()
            self._smoke = None
        version = next((one.version for one in (state.candidate, before.candidate, state.stable) if one), None)
        counts = {"canary": vars(evidence.canary), "stable": vars(evidence.stable)}
        told = {"outcome": state.outcome or None, "why": state.reason or None, "step": state.step}
        self._say(state.stage, version=version, **told, **counts)

    def _do(self, action: Action) -> None:
        if isinstance(action, Weigh):
            self._host.proxy.weigh(action.slot, action.weight)
        elif isinstance(action, Stop):
            self._host.servers.stop(action.slot)
        elif isinstance(action, Start):
            self._host.start(action.slot, action.release, action.beside)
        else:
            self._smoke = self._smoked(action)

    def _smoked(self, action: Smoke) -> str:
        port = self._host.ports[CANARY].users
        try:
            folder = self._host.servers.artifact(action.release)
        except VerdictError as error:
            return f"its artifact cannot be had: {error.what}"
        try:
            return smoke(action.release, port, folder, self.state.limits.smoke)
        except ImportError as error:
            return f"the guard's environment lacks {error.name}, which this kind of model needs"


def _plain(action: Action) -> dict[str, object]:
    """An action as a line of events.jsonl shows it."""
    return {name: getattr(value, "version", value) for name, value in vars(action).items()}
