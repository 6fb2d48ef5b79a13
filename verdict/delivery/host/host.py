"""A host as it is: what stands in each place, what the proxy and the servers counted since a step began."""

from dataclasses import dataclass, field

from verdict.base.errors import VerdictError
from verdict.delivery.host import probe
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.proxy import Proxy, ServerStats
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.servers import Ports, Servers
from verdict.delivery.host.state import CANARY, Release, Slot

# Seconds for what a server works on once it gets no more requests; then it is stopped all the same.
_DRAIN = 10.0
_NONE = ServerStats(0, 0, 0, 0)


@dataclass
class _Place:
    """What is remembered of a place between two looks.

    Args:
        start: which start its figures are of.
        first: which start is there now, and when it was first seen.
        foreign: in which way it is not its release.
        samples: of its /metrics, and `line` of the proxy, both as of the last look.
        then: the same as of the beginning of the step, with the start that they are of.
        emptied: when it got its last request.
        died: how often it ended by itself in this step.
        why: it could not be started last.
    """

    start: str = ""
    first: tuple[str, float] = ("", 0.0)
    foreign: str = ""
    samples: probe.Samples = field(default_factory=dict)
    line: ServerStats = _NONE
    then: tuple[str, probe.Samples, ServerStats] = ("", {}, _NONE)
    emptied: float | None = None
    died: int = 0
    why: str = ""

    def moved(self) -> probe.Samples:
        """What its server counted in this step."""
        start, samples, _ = self.then
        return probe.increase(self.samples, samples if start == self.start else {})

    def counts(self) -> Counts:
        """What it and the proxy counted in this step; the proxy, too, counts from 0 when it was started anew."""
        moved, then = self.moved(), self.then[2] if self.then[2].requests <= self.line.requests else _NONE
        return Counts(
            requests=self.line.requests - then.requests,
            failures=self.line.failures - then.failures,
            p99=probe.quantile([moved]),
            same=probe.total(moved, "verdict_beside_total", 'outcome="same"'),
            other=probe.total(moved, "verdict_beside_total", 'outcome="other"'),
            not_finite=probe.total(moved, "verdict_failures_total", 'kind="not_finite"'),
        )


class Host:
    """A proxy, and places for servers behind it.

    Args:
        proxy: what gives the requests out.
        servers: what starts and stops.
        ports: of each place, with `canary` among them.
        labels: what comes back of each release.
    """

    def __init__(self, proxy: Proxy, servers: Servers, ports: dict[str, Ports], labels: Labels | None = None) -> None:
        self.proxy, self.servers, self.ports, self.labels = proxy, servers, ports, labels or Labels()
        self._places = {name: _Place() for name in ports}

    def serving(self) -> Release | None:
        """What has most of the requests; None where nothing runs."""
        lines = self.proxy.stats()
        running = [(lines[name].weight, self.servers.running(name)) for name in self.ports if name != CANARY]
        best = max(running, key=lambda found: (found[1] is not None, found[0]))[1]
        return best.release if best is not None else None

    def begin(self) -> None:
        """Count from here."""
        self.labels.begin()
        for place in self._places.values():
            place.then, place.died = (place.start, place.samples, place.line), 0

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a release in a place; one that cannot be started has ended by itself."""
        place = self._places[slot]
        try:
            self.servers.start(slot, release, beside)
        except (VerdictError, OSError) as error:
            place.died, place.why = place.died + 1, error.what if isinstance(error, VerdictError) else str(error)
            raise
        place.why = ""

    def alarmed(self) -> bool:
        """Whether the proxy has counted failures since the last look: a question of a millisecond."""
        lines = self.proxy.stats()
        return any(lines[name].failures > place.line.failures for name, place in self._places.items())

    def look(self, now: float) -> tuple[Counts, Counts, dict[str, Slot]]:
        """Counts of what is tried and of what serves, and each place."""
        self.labels.look()
        lines = self.proxy.stats()
        slots = {name: self._seen(name, lines[name], now) for name in self.ports}
        shadow = next((name for name, seen in slots.items() if name != CANARY and seen.beside is not None), None)
        canary = _compared(self._places[shadow]) if shadow else self._places[CANARY].counts()
        return canary, _together([self._places[name] for name in slots if name not in (CANARY, shadow)]), slots

    def _seen(self, name: str, line: ServerStats, now: float) -> Slot:
        place, running, ports = self._places[name], self.servers.running(name), self.ports[name]
        place.line = line
        place.emptied = None if line.weight else now if place.emptied is None else min(now, place.emptied)
        if running is not None and not running.alive:
            place.died += 1
            self.servers.stop(name)
            running = None
        if running is None:
            return Slot(weight=line.weight, died=place.died, why=place.why)
        if place.first[0] != running.start:
            place.first = running.start, now
        ready = probe.is_ready(ports.users)
        if ready:
            if place.start != running.start:
                place.start, place.samples = running.start, {}
            # Asked again while it is not what it should be: what was in a place before may still have answered.
            if not place.samples or place.foreign:
                place.foreign = probe.mismatch(ports.users, running.release)
            place.samples = probe.read_metrics(ports.metrics) or place.samples
        idle = not line.weight and (not line.working or now - (place.emptied or now) > _DRAIN)
        age = now - place.first[1]
        ready = ready and line.up  # else the last of the others would lose its requests, and nobody would have them
        return Slot(running.release, running.beside, ready, place.foreign, line.weight, idle, place.died, age)


def _compared(place: _Place) -> Counts:
    """Of what is compared in a server of what serves: its failures are those of the artifact beside."""
    moved, counts = place.moved(), place.counts()
    failures = probe.total(moved, "verdict_beside_total", 'outcome="failed"')
    return Counts(counts.same + counts.other + failures, failures, same=counts.same, other=counts.other)


def _together(places: list[_Place]) -> Counts:
    """Of several servers of one release."""
    counts, moved = [place.counts() for place in places], [place.moved() for place in places]
    requests, failures = sum(one.requests for one in counts), sum(one.failures for one in counts)
    return Counts(requests, failures, probe.quantile(moved), not_finite=sum(one.not_finite for one in counts))
