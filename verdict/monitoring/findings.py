"""Findings on a window of live text: its mix of slices, the expected score, and what the mix does not explain."""

from dataclasses import dataclass

import numpy as np

from verdict.classifier.params.metric_names import OVERALL
from verdict.monitoring.reference import WINDOW_TEXTS, Reference
from verdict.monitoring.reference.mixture import Fit, Window

# Fewer texts say nothing. The limits are those of a window of `WINDOW_TEXTS` texts.
MIN_TEXTS = 500
KINDS = ("expected", "unknown", "residual", "classes", "confidence")
# An estimated mix is wrong by up to this much: by chance, or because of the words that the residual is about.
_MIX_ERROR = 0.15
_WORDS_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """A figure beside its limit: the least allowed value of the expected score, the largest of all other kinds."""

    kind: str
    value: float
    limit: float
    summary: str

    @property
    def over(self) -> bool:
        """True if the value is beyond its limit."""
        return self.value < self.limit if self.kind == "expected" else self.value > self.limit


@dataclass(frozen=True)
class Measurement:
    """All findings on a window.

    Args:
        texts: number of texts in the window.
        mix: share of each slice.
        metric: the headline metric; `promised` is its value on the test set, `expected` that of this mix.
        findings: in the order of `KINDS`.
        note: what could not be measured, and why.
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
        """True if any figure is beyond its limit."""
        return any(finding.over for finding in self.findings)


def measure(
    reference: Reference, window: Window, floor: float | None, first: Window | None = None, same_words: bool = True
) -> Measurement:
    """Compare a window with the reference.

    Args:
        reference: counts of the training text.
        window: at least `MIN_TEXTS` texts.
        floor: the least expected score that is allowed; None allows any.
        first: the first texts of the same release, as a second standard of comparison.
        same_words: whether the counters know the same words as the reference.
    """
    fit, first_fit = reference.fit(window), reference.fit(first) if first else None
    mix, metric = dict(zip(reference.slices, fit.mix.tolist(), strict=True)), reference.headline
    expected, promised = reference.expected_score(fit.mix, metric), reference.scores[OVERALL][metric]
    findings = [_compared(reference, fit, first_fit, kind, window.texts) for kind in KINDS[2:]]
    if same_words:
        share = window.words[-1] / max(window.words.sum(), 1)
        summary = f"{share:.1%} of the words are unknown, {fit.unknown:+.1%} beyond the mix"
        limit = reference.limits.of("unknown", fit.mix) * _widening(window.texts)
        findings.insert(0, Finding("unknown", fit.unknown, limit, summary))
    if floor is not None:
        summary = f"{metric} {expected:.3f} is expected of this mix, {promised:.3f} was measured on the test set"
        findings.insert(0, Finding("expected", expected, floor, summary))
    note = "" if same_words else "unknown words cannot be told: the service counts by another reference"
    return Measurement(window.texts, mix, metric, promised, expected, tuple(findings), note)


def _compared(reference: Reference, fit: Fit, first: Fit | None, kind: str, texts: int) -> Finding:
    """The finding of a kind against the reference or the first texts, whichever is farther beyond its limit."""
    deviation, limit = getattr(fit, kind), reference.limits.of(kind, fit.mix)
    value, allowed, base, base_name = deviation(), limit, None, "the reference"
    if first:
        # The more the mix has moved since, the less the first texts say beyond the reference.
        tolerance = _MIX_ERROR if kind == "residual" else 0.0
        moved = max(float(abs(fit.mix - first.mix).sum()) / 2 - tolerance, 0.0)
        since = reference.limits.of(f"{kind}_since", fit.mix) + moved * limit
        if deviation(first) / max(since, 1e-9) > value / max(allowed, 1e-9):
            value, allowed, base, base_name = deviation(first), since, first, "the first texts of the release"
    if kind == "residual":
        summary = f"frequent words are off from {base_name}, most of all {_words_most_off(reference, fit)}"
        return Finding(kind, value, allowed, summary)
    summary = f"the share of answers below some confidence is off by {value:.1%} from {base_name}"
    if kind == "classes":
        shift, label = max(
            zip(fit.class_shifts(base).tolist(), reference.labels, strict=True), key=lambda pair: abs(pair[0])
        )
        summary = f"the share of texts that are {label} seems {shift:+.1%} off from {base_name}"
    return Finding(kind, value, allowed * _widening(texts), summary)


def _widening(texts: int) -> float:
    """The factor by which the limits of a full window grow for a smaller one."""
    return float(np.sqrt(max(WINDOW_TEXTS / texts, 1.0)))


def _words_most_off(reference: Reference, fit: Fit) -> str:
    """The frequent words that are farthest off, each with its frequency as a multiple of the expected one."""
    expected, words = fit.expected[:-1], fit.words[:-1]
    places = np.argsort(-abs(words - expected) / np.sqrt(expected))[:_WORDS_NAMED]
    return ", ".join(f"{reference.frequent[place]} ×{words[place] / expected[place]:.1f}" for place in places)
