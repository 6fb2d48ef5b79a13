"""What a process is to those who answer for it: its bounds, its counters, and whether it is about to end."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from verdict.web.settings import WebSettings

_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestCounters:
    """Counts of requests, by route and status, and of those that were not answered.

    Args:
        prefix: of the names.
        refused: the name of those without an answer, and of the label that says why.
    """

    def __init__(self, prefix: str = "verdict", refused: tuple[str, str] = ("failures", "kind")) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        requests = Counter(f"{prefix}_requests", "by route and status", ["route", "status"], registry=registry)
        seconds = Histogram(f"{prefix}_request_seconds", "all of it", ["route"], buckets=_SECONDS, registry=registry)
        # To find the series of some labels takes longer than to count.
        self._request = cache(lambda route, status: (requests.labels(route, status), seconds.labels(route)))
        name, label = refused
        self.failures = Counter(f"{prefix}_{name}", "requests without an answer", [label], registry=registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        requests, times = self._request(route, status)
        requests.inc()
        times.observe(seconds)


class WebService:
    """What answers."""

    settings: WebSettings
    counters: RequestCounters
    draining = False
    # Beside the counters, where Prometheus asks: JSON by path.
    pages: Mapping[str, bytes] = MappingProxyType({})
