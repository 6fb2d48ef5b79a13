"""The base of HTTP services: settings, counters, and whether the process is about to end."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from verdict.web.settings import WebSettings

_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestCounters:
    """Counters of requests, by route and status, and of those that were not answered.

    Args:
        prefix: of the names.
        refused: name of the counter of unanswered requests, and of its label with the reason.
    """

    def __init__(self, prefix: str = "verdict", refused: tuple[str, str] = ("failures", "kind")) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        requests = Counter(f"{prefix}_requests", "by route and status", ["route", "status"], registry=registry)
        seconds = Histogram(f"{prefix}_request_seconds", "all of it", ["route"], buckets=_SECONDS, registry=registry)
        # Finding the series of some labels takes longer than counting.
        self._request = cache(lambda route, status: (requests.labels(route, status), seconds.labels(route)))
        name, label = refused
        self.failures = Counter(f"{prefix}_{name}", "requests without an answer", [label], registry=registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        requests, times = self._request(route, status)
        requests.inc()
        times.observe(seconds)


class WebService:
    """A service that answers over HTTP."""

    settings: WebSettings
    counters: RequestCounters
    draining = False
    # JSON by path, served beside the counters on the metrics port.
    pages: Mapping[str, bytes] = MappingProxyType({})
