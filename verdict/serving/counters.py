"""What Prometheus may know. What depends on the content of texts is published in lots, so that no scrape shows one."""

from collections.abc import Iterable, Sequence
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from verdict.classifier.artifact import Answer
from verdict.web.served import Requests

LOT = 100
_LENGTHS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
_TENTHS = 10


class Lots(Collector):
    """Labels by confidence, and lengths, of at least `LOT` texts at a time."""

    def __init__(self, labels: Iterable[str], registry: CollectorRegistry) -> None:
        self._shown, self._lock = CollectorRegistry(), Lock()
        self._texts = Counter("verdict_texts", "texts that were answered", registry=registry)
        answers = Counter("verdict_answers", "what was answered", ["label", "confidence"], registry=self._shown)
        steps = [f"{tenth / _TENTHS:.1f}" for tenth in range(_TENTHS)]
        self._answers = {label: [answers.labels(label, step) for step in steps] for label in labels}
        self._lengths = Histogram("verdict_text_characters", "lengths", buckets=_LENGTHS, registry=self._shown)
        self._waiting: list[tuple[str, int, int]] = []
        registry.register(self)

    def add(self, texts: Sequence[str], answers: Iterable[Answer]) -> None:
        """Count some answers: how many at once, what they say once the lot is full."""
        self._texts.inc(len(texts))
        self._waiting += [
            (label, min(int(probabilities[label] * _TENTHS), _TENTHS - 1), len(text))
            for text, (label, probabilities) in zip(texts, answers, strict=True)
        ]
        if len(self._waiting) >= LOT:
            with self._lock:
                for label, confidence, length in self._waiting:
                    self._answers[label][confidence].inc()
                    self._lengths.observe(length)
            self._waiting.clear()

    def collect(self) -> Iterable[Metric]:
        """The full lots: a scrape, which is another thread, sees all of one, or none of it."""
        with self._lock:
            return list(self._shown.collect())


class Counters(Requests):
    """All metrics of one process."""

    def __init__(self, labels: Sequence[str], build: dict[str, str]) -> None:
        super().__init__()
        registry = self.registry
        Info("verdict_build", "what is served", registry=registry).info(build)
        # The outcome is same, other, failed, or skipped.
        self.beside = Counter("verdict_beside", "what it says", ["artifact", "outcome"], registry=registry)
        self.answered = Lots(labels, registry).add
