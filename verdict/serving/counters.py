"""Metrics of the service. Those that depend on the content of texts are published in lots, so that no scrape shows one.

Only comparisons with the artifact beside are counted at once: the guard needs them.
"""

from collections.abc import Iterable, Sequence
from operator import add
from random import random
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from verdict.classifier.artifact import Answer, Classifier
from verdict.classifier.params.metric_names import OVERALL
from verdict.monitoring.reference import CONFIDENCE_STEPS, COUNTED_SHARE, LENGTHS, Reference
from verdict.monitoring.reference.words import Counter as Words
from verdict.web.service import RequestCounters

LOT = 100


class Lots(Collector):
    """Labels by confidence, and lengths, of at least `LOT` texts at a time; words where there is a reference.

    Words are counted in half of the texts, which is enough: in at least `LOT`, too.
    """

    def __init__(
        self, release: str, classifier: Classifier, reference: Reference | None, registry: CollectorRegistry
    ) -> None:
        self._published, self._lock, self._release, self._text = CollectorRegistry(), Lock(), release, classifier.text
        texts = Counter("verdict_texts", "texts that were answered", ["release"], registry=registry)
        names = ["release", "label", "confidence"]
        steps = [f"{step / CONFIDENCE_STEPS:.1f}" for step in range(CONFIDENCE_STEPS)]
        answers = Counter("verdict_answers", "what was answered", names, registry=self._published)
        lengths = ("verdict_text_characters", "lengths", ["release"])
        self._texts = texts.labels(release)
        self._answers = {name: [answers.labels(release, name, step) for step in steps] for name in classifier.labels}
        self._lengths = Histogram(*lengths, buckets=LENGTHS, registry=self._published).labels(release)
        self._counter = reference.counter if reference else None
        self._words = [0] * len(self._counter.names if self._counter else ())
        self._begin()
        registry.register(self)

    def _begin(self) -> None:
        self._waiting: list[tuple[str, int, int]] = []
        self._waiting_words, self._counted = [0] * len(self._words), 0

    def add(self, texts: Sequence[str], answers: Iterable[Answer]) -> None:
        """Count answers: their number at once, all else once the lot is full."""
        self._texts.inc(len(texts))
        self._waiting += [
            (label, min(int(probabilities[label] * CONFIDENCE_STEPS), CONFIDENCE_STEPS - 1), len(text))
            for text, (label, probabilities) in zip(texts, answers, strict=True)
        ]
        if self._counter:
            for text in texts:
                if random() < COUNTED_SHARE:
                    self._count(self._counter, text)
        if len(self._waiting) >= LOT and (self._counted >= LOT or not self._counter):
            with self._lock:
                for label, confidence, length in self._waiting:
                    self._answers[label][confidence].inc()
                    self._lengths.observe(length)
                self._words = list(map(add, self._words, self._waiting_words))
            self._begin()

    def _count(self, counter: Words, text: str) -> None:
        """Count the words of a text as the model reads it; a text whose words cleaning leaves alone is not cleaned."""
        is_clean = text.isascii() and "&" not in text and len(text) <= self._text.max_length
        counter.add(text if is_clean else self._text.clean(text), self._waiting_words)
        self._counted += 1

    def collect(self) -> Iterable[Metric]:
        """Return the full lots; a scrape, which is another thread, sees the whole of a lot or nothing of it."""
        words = CounterMetricFamily("verdict_words", "frequent, other and unknown ones", labels=["release", "word"])
        with self._lock:
            for name, count in zip(self._counter.names if self._counter else (), self._words, strict=True):
                words.add_metric([self._release, name], count)
            return [*self._published.collect(), words]


class Counters(RequestCounters):
    """All metrics of one process."""

    def __init__(self, classifier: Classifier, build: dict[str, str], reference: Reference | None) -> None:
        super().__init__()
        registry = self.registry
        words = {"words": reference.digest if reference else ""}
        Info("verdict_build", "what is served", registry=registry).info(build | words)
        # The outcome is same, other, failed, or skipped.
        self.beside = Counter("verdict_beside", "what it says", ["artifact", "outcome"], registry=registry)
        release, scores = build["version"], reference.scores[OVERALL] if reference else {}
        promised = Gauge("verdict_promised", "scores on the test set", ["release", "metric"], registry=registry)
        for metric, score in scores.items():
            promised.labels(release, metric).set(score)
        self.answered = Lots(release, classifier, reference, registry).add
