"""A serving host: what runs in each slot, and what proxy and servers have counted since a step began."""

from dataclasses import dataclass, field

from verdict.base.errors import VerdictError
from verdict.delivery.host import probe
from verdict.delivery.host.containers import Containers
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.probe import Samples
from verdict.delivery.host.proxy import Proxy, ServerStats
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.servers import Ports, Processes
from verdict.delivery.host.state import CANARY, Release, Slot

# Seconds that a server may work on its last requests once it gets no more; then it is stopped all the same.
_DRAIN = 10.0
_ZERO = ServerStats(0, 0, 0, 0)


@dataclass
class _History:
    """The counts of a slot at the last look and at the beginning of the step.

    Args:
        start: identifies the server that `samples` are of.
        samples: of its /metrics at the last look.
        first_samples: of the same server at the beginning of the step.
        stats: of the proxy at the last look.
        first_stats: at the beginning of the step.
        first_seen: the start that runs now, and when it was first seen.
        mismatch: how its server differs from its release.
        idle_since: when it got its last request.
        died: how often its server ended by itself in this step.
        start_error: why no server could be started at the last attempt.
    """

    start: str = ""
    samples: Samples = field(default_factory=dict)
    first_samples: Samples = field(default_factory=dict)
    stats: ServerStats = _ZERO
    first_stats: ServerStats = _ZERO
    first_seen: tuple[str, float] = ("", 0.0)
    mismatch: str = ""
    idle_since: float | None = None
    died: int = 0
    start_error: str = ""

    def increase(self) -> Samples:
        """The counts of its server in this step."""
        return probe.increase(self.samples, self.first_samples)

    def counts(self) -> Counts:
        """The counts of its server and of the proxy in this step; a proxy that was restarted counts from 0, too."""
        increase, first = self.increase(), self.first_stats
        if first.requests > self.stats.requests:
            first = _ZERO
        return Counts(
            requests=self.stats.requests - first.requests,
            failures=self.stats.failures - first.failures,
            p99=probe.quantile([increase]),
            same=probe.total(increase, "verdict_beside_total", 'outcome="same"'),
            other=probe.total(increase, "verdict_beside_total", 'outcome="other"'),
            not_finite=probe.total(increase, "verdict_failures_total", 'kind="not_finite"'),
        )


class Host:
    """A proxy, and slots for servers behind it.

    Args:
        proxy: distributes the requests.
        servers: starts and stops servers.
        ports: of each slot, with `canary` among them.
        labels: counts the labels that came back for each release.
    """

    def __init__(
        self, proxy: Proxy, servers: Processes | Containers, ports: dict[str, Ports], labels: Labels | None = None
    ) -> None:
        self.proxy, self.servers, self.ports, self.labels = proxy, servers, ports, labels or Labels()
        self._histories = {name: _History() for name in ports}

    def serving(self) -> Release | None:
        """The release that gets most of the requests; None where nothing runs."""
        stats = self.proxy.stats()
        slots = [(self.servers.running(name), stats[name].weight) for name in self.ports if name != CANARY]
        running, _ = max(slots, key=lambda slot: (slot[0] is not None, slot[1]))
        return running.release if running is not None else None

    def begin(self) -> None:
        """Begin a step: count from here."""
        self.labels.begin()
        for history in self._histories.values():
            history.first_samples, history.first_stats, history.died = history.samples, history.stats, 0

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a release in a slot; a failed start counts as a server that ended by itself."""
        history = self._histories[slot]
        try:
            self.servers.start(slot, release, beside)
        except (VerdictError, OSError) as error:
            history.died += 1
            history.start_error = error.what if isinstance(error, VerdictError) else str(error)
            raise
        history.start_error = ""

    def has_new_failures(self) -> bool:
        """Return whether the proxy has counted failures since the last look; this takes a millisecond."""
        stats = self.proxy.stats()
        return any(stats[name].failures > history.stats.failures for name, history in self._histories.items())

    def look(self, now: float) -> tuple[Counts, Counts, dict[str, Slot]]:
        """Return the counts of the candidate, those of the stable release, and each slot."""
        self.labels.look()
        stats = self.proxy.stats()
        slots = {name: self._look_at(name, stats[name], now) for name in self.ports}
        shadow = next((name for name, slot in slots.items() if name != CANARY and slot.beside is not None), None)
        candidate = _shadow_counts(self._histories[shadow]) if shadow else self._histories[CANARY].counts()
        stable = _sum([self._histories[name] for name in slots if name not in (CANARY, shadow)])
        return candidate, stable, slots

    def _look_at(self, name: str, stats: ServerStats, now: float) -> Slot:
        history, running, ports = self._histories[name], self.servers.running(name), self.ports[name]
        history.stats = stats
        if stats.weight:
            history.idle_since = None
        else:
            history.idle_since = now if history.idle_since is None else min(now, history.idle_since)
        if running is not None and not running.alive:
            history.died += 1
            self.servers.stop(name)
            running = None
        if running is None:
            return Slot(weight=stats.weight, died=history.died, start_error=history.start_error)
        if history.first_seen[0] != running.start:
            history.first_seen = running.start, now
        ready = probe.is_ready(ports.users)
        if ready:
            if history.start != running.start:
                history.start, history.samples, history.first_samples = running.start, {}, {}
            # Asked again while it differs: the server that was in the slot before may still have answered.
            if not history.samples or history.mismatch:
                history.mismatch = probe.mismatch(ports.users, running.release)
            history.samples = probe.read_metrics(ports.metrics) or history.samples
        return Slot(
            release=running.release,
            beside=running.beside,
            # Without `up` the last of the other servers could lose its requests while the proxy sends none here.
            ready=ready and stats.up,
            mismatch=history.mismatch,
            weight=stats.weight,
            idle=not stats.weight and (not stats.active or now - (history.idle_since or now) > _DRAIN),
            died=history.died,
            age=now - history.first_seen[1],
        )


def _shadow_counts(history: _History) -> Counts:
    """The counts of a candidate that is compared in a server of the stable release: only its own failures count."""
    counts = history.counts()
    failures = probe.total(history.increase(), "verdict_beside_total", 'outcome="failed"')
    return Counts(counts.same + counts.other + failures, failures, same=counts.same, other=counts.other)


def _sum(histories: list[_History]) -> Counts:
    """The counts of several servers of one release."""
    counts = [history.counts() for history in histories]
    return Counts(
        requests=sum(part.requests for part in counts),
        failures=sum(part.failures for part in counts),
        p99=probe.quantile(history.increase() for history in histories),
        not_finite=sum(part.not_finite for part in counts),
    )
