"""The guard: once a second it looks at its host, asks the state machine, writes the new state, then acts."""

import time
from collections.abc import Callable
from contextlib import suppress

from verdict.base.errors import VerdictError
from verdict.delivery.host import machine
from verdict.delivery.host.actions import Action, Smoke, Start, Stop, Weigh
from verdict.delivery.host.host import Host
from verdict.delivery.host.smoke import smoke
from verdict.delivery.host.state import CANARY, TRIED, Environment, Evidence, Order, Stage, State
from verdict.delivery.host.store import Store

# Seconds until the next look, while servers start or end and otherwise; and between two reads of the proxy's counts.
_SOON, _USUAL, _GLANCE = 0.2, 1.0, 0.05
_CHANGING = (Stage.STARTING, Stage.SMOKE, Stage.PROMOTING, Stage.RETURNING)


class Guard:
    """Runs the state machine on a host.

    Args:
        environment: of the host's users.
        host: its proxy and its servers.
        store: keeps the state.
        clock: seconds.
    """

    def __init__(
        self, environment: Environment, host: Host, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        self._host, self._store, self._clock = host, store, clock
        self._restarted = True
        self._smoke: str | None = None
        self._error, self._unwritten = "", False
        self._last_actions: tuple[Action, ...] = ()
        # Without a kept state the release that has the requests is the stable one: it is never taken away.
        self.state = store.state.read() or State(environment, stable=host.serving())
        if self.state.environment != environment:
            what = f"the state is of {self.state.environment}"
            raise VerdictError(str(store.folder), what, f"a folder of its own for {environment}")

    def run(self) -> None:
        """Guard until the process ends; `VerdictError` when another guard does."""
        with self._store.lock():
            self._log("guards")  # an error of the guard before is over
            if self._store.state.read() is None:  # `verdict deploy status` compares the servers with it
                with suppress(OSError):
                    self._store.state.write(self.state)
            while True:
                if not self.turn():
                    self._wait()

    def turn(self) -> bool:
        """Look and act; return whether to look again at once. An error is logged once, and the turn is repeated."""
        try:
            moved = self.tick()
        except (VerdictError, OSError) as error:  # no engine, no proxy, or no room on the disk for a while
            if str(error) != self._error:
                details = error if isinstance(error, VerdictError) else VerdictError("", str(error), "")
                self._log("error", where=details.where, why=details.what, remedy=details.remedy)
            self._error = str(error)
            return False
        if not moved:
            if self._error:
                self._log("goes on")  # else `verdict deploy` would repeat the error for ever
            self._error = ""
        return moved

    def _log(self, what: str, **details: object) -> None:
        """Log an event; on a full disk without: serving comes first."""
        with suppress(OSError):
            self._store.log(what, **details)

    def _wait(self) -> None:
        """Wait for the next look; in a canary end at once when the proxy counts a failure."""
        end = time.monotonic() + (_SOON if self.state.stage in _CHANGING and not self._error else _USUAL)
        while time.monotonic() < end:
            time.sleep(_GLANCE)
            with suppress(VerdictError):  # the look raises it again
                if self.state.stage == Stage.CANARY and self._host.has_new_failures():
                    return

    def tick(self) -> bool:
        """Look once, go on, act; return whether anything moved. Repeating the last actions moves nothing."""
        evidence = self._look()
        if self._unwritten:
            with suppress(OSError):
                self._store.state.write(self.state)
                self._unwritten = False
        state, actions = machine.step(self.state, evidence)
        self._restarted = False
        moved = state != self.state or actions not in ((), self._last_actions)
        self._last_actions = actions
        if state != self.state:
            self._enter(state, evidence)
        for action in actions:
            self._act(action)
            if moved:
                details = {name: getattr(value, "version", value) for name, value in vars(action).items()}
                self._log("did", action=type(action).__name__.lower(), **details)
        if evidence.order is not None and evidence.order.name == state.done:
            self._store.remove_order(evidence.order)
        return moved

    def _look(self) -> Evidence:
        order, now = self._read_order(), self._clock()
        canary, stable, slots = self._host.look(now)
        state, labels = self.state, self._host.labels
        return Evidence(
            now,
            slots,
            canary=labels.since(canary, state.candidate),
            stable=labels.since(stable, state.stable),
            smoke=self._smoke,
            restarted=self._restarted,
            order=order,
            live=labels.total(state.stable),
            before=labels.total(state.previous),
            floor=labels.floor,
        )

    def _read_order(self) -> Order | None:
        """Read the order; a damaged one is set aside, so that the guard goes on looking."""
        try:
            return self._store.order.read()
        except VerdictError as error:
            self._store.set_order_aside()
            self._log("error", where=error.where, why=error.what)
            return None

    def _enter(self, state: State, evidence: Evidence) -> None:
        """Write and log a new state, before any of its actions."""
        before = self.state
        try:
            self._store.state.write(state)
        except OSError:
            if before.stage not in TRIED or state.stage not in (Stage.SETTLED, Stage.WATCHED):
                raise
            # The candidate is dropped all the same: a guard that restarts with the old state drops it, too.
            self._unwritten = True
        self.state = state
        if (state.stage, state.step) != (before.stage, before.step):
            self._host.begin()
            self._smoke = None
        releases = (state.candidate, before.candidate, state.stable)
        self._log(
            state.stage,
            version=next((release.version for release in releases if release), None),
            outcome=state.outcome or None,
            why=state.reason or None,
            step=state.step,
            canary=vars(evidence.canary),
            stable=vars(evidence.stable),
        )

    def _act(self, action: Action) -> None:
        if isinstance(action, Weigh):
            self._host.proxy.weigh(action.slot, action.weight)
        elif isinstance(action, Stop):
            self._host.servers.stop(action.slot)
        elif isinstance(action, Start):
            self._host.start(action.slot, action.release, action.beside)
        else:
            self._smoke = self._run_smoke_test(action)

    def _run_smoke_test(self, action: Smoke) -> str:
        port = self._host.ports[CANARY].users
        try:
            folder = self._host.servers.artifact(action.release)
        except VerdictError as error:
            return f"its artifact cannot be had: {error.what}"
        try:
            return smoke(action.release, port, folder, self.state.limits.smoke)
        except ImportError as error:
            return f"the guard's environment lacks {error.name}, which this kind of model needs"
