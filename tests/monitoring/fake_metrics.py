"""Fake metrics of the drift watch and the feedback process for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

RELEASE = "unreleased"
KINDS = ("unknown", "residual", "expected", "classes", "confidence")


class FakeMetrics:
    """Metrics with the names of `verdict drift --watch`, `verdict feedback`, and the service's expected scores."""

    def __init__(self) -> None:
        self.drift, self.feedback = CollectorRegistry(), CollectorRegistry()

        def gauge(name: str, labels: list[str], registry: CollectorRegistry = self.drift) -> Gauge:
            return Gauge(f"verdict_{name}", "played", labels, registry=registry)

        value, limit = (gauge(name, ["release", "kind"]) for name in ("drift", "drift_limit"))
        self.in_a_row = gauge("drift_in_a_row", ["release", "kind"])
        for kind in KINDS:
            value.labels(RELEASE, kind).set(0.125)
            limit.labels(RELEASE, kind).set(0.0625)
            self.in_a_row.labels(RELEASE, kind).set(1)
        self.windows = Counter("verdict_drift_windows", "played", ["release"], registry=self.drift)
        self.windows.labels(RELEASE).inc(3)
        gauge("drift_mix", ["release", "slice"]).labels(RELEASE, "tweets").set(0.5)
        gauge("expected_score", ["release"]).labels(RELEASE).set(0.75)
        gauge("promised", ["release", "metric"]).labels(RELEASE, "accuracy").set(0.76)
        ends = {end: gauge(f"live_accuracy{end}", ["release"], self.feedback) for end in ("", "_low", "_high")}
        self.accuracy = {end: one.labels(RELEASE) for end, one in ends.items()}
        self.live(0.74)
        self.counted = Counter("verdict_feedback", "played", ["release", "predicted", "actual"], registry=self.feedback)
        self.refused = Counter("verdict_feedback_refused", "played", ["reason"], registry=self.feedback)
        self.counted.labels(RELEASE, "positive", "negative").inc(40)
        self.refused.labels("replayed").inc()
        gauge("feedback_database_up", [], self.feedback).set(1)

    def live(self, accuracy: float) -> None:
        """Set the live accuracy, with an interval of 0.02 on both sides."""
        for end, offset in (("", 0.0), ("_low", -0.02), ("_high", 0.02)):
            self.accuracy[end].set(accuracy + offset)

    @contextmanager
    def on(self, drift: int, feedback: int) -> Iterator["FakeMetrics"]:
        """Serve the metrics on these ports until the block ends."""
        servers = [
            start_http_server(port, "127.0.0.1", registry)[0]
            for port, registry in ((drift, self.drift), (feedback, self.feedback))
        ]
        try:
            yield self
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()
