"""What Prometheus may know. What depends on the content of texts is published in lots, so that no scrape shows one."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Info, disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from verdict.classifier.artifact import Answer

LOT = 100
_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LENGTHS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
_TENTHS = 10


class Lots(Collector):
    """Labels by confidence, and lengths, of at least `LOT` texts at a time."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)
        self._numbers = {label: number * _TENTHS for number, label in enumerate(labels)}
        self._empty = [0] * (len(self._labels) * _TENTHS + len(_LENGTHS) + 2)  # the last is the sum of the lengths
        self._shown, self._waiting, self._texts = self._empty, self._empty.copy(), 0

    def add(self, texts: Iterable[str], answers: Sequence[Answer]) -> None:
        """Count some answers; they are shown once the lot is full."""
        waiting, lengths = self._waiting, len(self._labels) * _TENTHS
        for text, answer in zip(texts, answers, strict=True):
            confidence = int(answer.probabilities[answer.label] * _TENTHS)
            waiting[self._numbers[answer.label] + min(confidence, _TENTHS - 1)] += 1
            waiting[lengths + bisect_left(_LENGTHS, len(text))] += 1
            waiting[-1] += len(text)
        self._texts += len(answers)
        if self._texts >= LOT:
            # One assignment: a scrape in another thread sees all of a lot, or none of it.
            self._shown = [shown + new for shown, new in zip(self._shown, waiting, strict=True)]
            self._waiting, self._texts = self._empty.copy(), 0

    def collect(self) -> Iterable[Metric]:
        """The full lots."""
        shown, split = self._shown, len(self._labels) * _TENTHS
        said = CounterMetricFamily(
            "verdict_answers", f"answers by label and confidence, in lots of {LOT}", labels=["label", "confidence"]
        )
        for place, count in enumerate(shown[:split]):
            said.add_metric([self._labels[place // _TENTHS], f"{place % _TENTHS / _TENTHS:.1f}"], count)
        lengths = HistogramMetricFamily("verdict_text_characters", f"lengths of texts, in lots of {LOT}")
        steps = [*map(str, _LENGTHS), "+Inf"]
        lengths.add_metric([], list(zip(steps, accumulate(shown[split:-1]), strict=True)), shown[-1])
        return [said, lengths]


class Requests(Collector):
    """How requests ended and how long they took: nothing of this says what they held, so it is shown at once."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = defaultdict(int)
        self._steps: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_SECONDS) + 1))
        self._sums: dict[str, float] = defaultdict(float)

    def add(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._counts[route, status] += 1
        self._steps[route][bisect_left(_SECONDS, seconds)] += 1
        self._sums[route] += seconds

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        counts = CounterMetricFamily("verdict_requests", "by route and status", labels=["route", "status"])
        for (route, status), count in self._counts.copy().items():
            counts.add_metric([route, str(status)], count)
        times = HistogramMetricFamily("verdict_request_seconds", "from head to answer", labels=["route"])
        for route, steps in self._steps.copy().items():
            rising = accumulate(steps.copy())
            buckets = list(zip([*map(str, _SECONDS), "+Inf"], rising, strict=True))
            times.add_metric([route], buckets, self._sums[route])
        return [counts, times]


class Counters:
    """All metrics of one process."""

    def __init__(self, labels: Sequence[str], build: dict[str, str], beside: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        Info("verdict_build", "what is served", registry=registry).info(build)
        self._failures = Counter("verdict_failures", "requests without an answer", ["kind"], registry=registry)
        self._texts = Counter("verdict_texts", "texts that were answered", registry=registry)
        self._beside = Counter(
            "verdict_beside", "what the artifact beside says", ["artifact", "outcome"], registry=registry
        )
        self._beside_name = beside
        self._lots, self._requests = Lots(labels), Requests()
        registry.register(self._lots)
        registry.register(self._requests)
        # prometheus_client's own take a lock each time: with three of them as long as the whole answer as JSON.
        self.request = self._requests.add

    def failure(self, kind: str) -> None:
        """Count a request without an answer."""
        self._failures.labels(kind).inc()

    def answered(self, texts: Sequence[str], answers: Sequence[Answer]) -> None:
        """Count answers: how many at once, what they say in lots."""
        self._texts.inc(len(answers))
        self._lots.add(texts, answers)

    def beside(self, outcome: str, number: int = 1) -> None:
        """Count what the artifact beside says: same, other, failed, or skipped."""
        self._beside.labels(self._beside_name, outcome).inc(number)
