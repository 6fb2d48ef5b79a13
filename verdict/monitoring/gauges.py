"""Prometheus metrics of `verdict drift --watch`, for each release of which a window was seen."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verdict.monitoring.watch import ReleaseState, Watch

_BY_KIND = {
    "verdict_drift": ("values", "what was found in the last window"),
    "verdict_drift_limit": ("limits", "beyond which it has drifted"),
    "verdict_drift_in_a_row": ("in_a_row", "windows in a row beyond the limit; two are an alarm"),
}


class Gauges(Collector):
    """The state of a watch as metrics."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self.registry = watch, CollectorRegistry()
        self.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return the figures of the last window of each release."""
        with self._watch.lock:
            return list(self._metrics(self._watch.state.releases))

    @staticmethod
    def _metrics(releases: dict[str, ReleaseState]) -> Iterator[Metric]:
        for name, (field, text) in _BY_KIND.items():
            gauge = GaugeMetricFamily(name, text, labels=["release", "kind"])
            for release, state in releases.items():
                for kind, value in getattr(state, field).items():
                    gauge.add_metric([release, kind], value)
            yield gauge
        windows = CounterMetricFamily("verdict_drift_windows", "windows that were measured", labels=["release"])
        mix = GaugeMetricFamily("verdict_drift_mix", "share of a slice among the texts", labels=["release", "slice"])
        expected = GaugeMetricFamily("verdict_expected_score", "of the mix of the last window", labels=["release"])
        for release, state in releases.items():
            windows.add_metric([release], state.windows)
            for slice_, share in state.mix.items():
                mix.add_metric([release, slice_], share)
            if state.expected is not None:
                expected.add_metric([release], state.expected)
        yield from (windows, mix, expected)
