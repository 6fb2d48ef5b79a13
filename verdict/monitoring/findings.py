"""What a window of live text says: its mix of slices, the score expected of that, and what the mix does not explain."""

from dataclasses import dataclass

import numpy as np

from verdict.classifier.params.metric_names import OVERALL
from verdict.monitoring.reference import WINDOW_TEXTS, Reference
from verdict.monitoring.reference.mixture import Fit, Window

# Fewer texts tell nothing; limits are those of a window.
LEAST = 500
KINDS = ("expected", "unknown", "residual", "classes", "confidence")
# As far as this a mix is off by chance, or by the very words that are a residual.
_BY_CHANCE = 0.15
_WORDS = 5


@dataclass(frozen=True)
class Finding:
    """A figure beside its limit; of the expected score that is the least, of all others the most that may be."""

    kind: str
    value: float
    limit: float
    summary: str

    @property
    def over(self) -> bool:
        """Whether it is beyond its limit."""
        return self.value < self.limit if self.kind == "expected" else self.value > self.limit


@dataclass(frozen=True)
class Measured:
    """What is found in a window.

    Args:
        texts: how many it has.
        mix: share of each slice.
        metric: the headline metric; `promised` on the test set, `expected` of this mix.
        findings: in the order of `KINDS`.
        note: what cannot be told, and why.
    """

    texts: int
    mix: dict[str, float]
    metric: str
    promised: float
    expected: float
    findings: tuple[Finding, ...]
    note: str = ""

    @property
    def drifted(self) -> bool:
        """Whether any figure is beyond its limit."""
        return any(finding.over for finding in self.findings)


def measure(
    reference: Reference, window: Window, floor: float | None, first: Window | None = None, same_words: bool = True
) -> Measured:
    """Compare a window with the reference.

    Args:
        reference: what training text is made of.
        window: at least `LEAST` texts.
        floor: the least score that may be expected; None: any.
        first: the first texts of the same release, with which it is compared, too.
        same_words: whether the counters know the same words as the reference.
    """
    found, early = reference.fit(window), reference.fit(first) if first else None
    mix, metric = dict(zip(reference.slices, found.mix.tolist(), strict=True)), reference.headline
    expected, promised = reference.expected_score(found.mix, metric), reference.scores[OVERALL][metric]
    findings = [_answers(reference, found, early, kind, window.texts) for kind in KINDS[2:]]
    if same_words:
        share = window.words[-1] / max(window.words.sum(), 1)
        summary = f"{share:.1%} of the words are unknown, {found.unknown:+.1%} beyond the mix"
        limit = reference.limits.of("unknown", found.mix) * _wider(window.texts)
        findings.insert(0, Finding("unknown", found.unknown, limit, summary))
    if floor is not None:
        summary = f"{metric} {expected:.3f} is expected of this mix, {promised:.3f} was measured on the test set"
        findings.insert(0, Finding("expected", expected, floor, summary))
    note = "" if same_words else "unknown words cannot be told: the service counts by another reference"
    return Measured(window.texts, mix, metric, promised, expected, tuple(findings), note)


def _answers(reference: Reference, found: Fit, early: Fit | None, kind: str, texts: int) -> Finding:
    """What is farther beyond its limit: from the reference, or from the first texts of the release."""
    limit, value = reference.limits.of(kind, found.mix), getattr(found, kind)
    pairs: list[tuple[float, float, str, Fit | None]] = [(value(), limit, "the reference", None)]
    if early:
        # As far as the mix has moved since, the first texts say no more than the reference does.
        chance = _BY_CHANCE if kind == "residual" else 0.0
        moved = max(float(abs(found.mix - early.mix).sum()) / 2 - chance, 0.0)
        since = reference.limits.of(f"{kind}_since", found.mix) + moved * limit
        pairs.append((value(early), since, "the first texts of the release", early))
    value, limit, what, first = max(pairs, key=lambda pair: pair[0] / max(pair[1], 1e-9))
    if kind == "residual":
        summary = f"frequent words are off from {what}, most of all {_words(reference, found)}"
        return Finding(kind, value, limit, summary)
    summary = f"the share of answers below some confidence is off by {value:.1%} from {what}"
    if kind == "classes":
        shifts = zip(found.class_shifts(first).tolist(), reference.labels, strict=True)
        off, label = max(shifts, key=lambda shift: abs(shift[0]))
        summary = f"the share of texts that are {label} seems {off:+.1%} off from {what}"
    return Finding(kind, value, limit * _wider(texts), summary)


def _wider(texts: int) -> float:
    return float(np.sqrt(max(WINDOW_TEXTS / texts, 1.0)))


def _words(reference: Reference, found: Fit) -> str:
    """The frequent words that are farthest off, and how many times as often as expected they come."""
    expected, words = found.expected[:-1], found.words[:-1]
    off = abs(words - expected) / np.sqrt(expected)
    farthest = np.argsort(-off)[:_WORDS]
    return ", ".join(f"{reference.frequent[place]} ×{words[place] / expected[place]:.1f}" for place in farthest)
