"""Fits a mixture of the training text's slices to a window of live text, and measures the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verdict.monitoring.reference.words import Counts

Floats = npt.NDArray[np.float64]
_ROUNDS = 200
_LEAST = 1e-4  # a share of words that is too small to say that a slice has more of one than its training text
# Damping: of answers too rare to distinguish classes, and of classes that answers hardly distinguish.
_RARE, _DOUBT = 0.003, 0.25


@dataclass(frozen=True)
class Window:
    """Counts of some texts.

    Args:
        words: by place, (places,); the last place is of words that the reference does not know.
        answers: by label and tenth of confidence, (labels, 10).
        characters: texts by length, (lengths,).
    """

    words: Counts
    answers: Counts
    characters: Counts

    @property
    def texts(self) -> int:
        """The number of answered texts."""
        return int(self.answers.sum())

    def __add__(self, other: "Window") -> "Window":
        return Window(self.words + other.words, self.answers + other.answers, self.characters + other.characters)

    def __sub__(self, other: "Window") -> "Window":
        return Window(self.words - other.words, self.answers - other.answers, self.characters - other.characters)


@dataclass(frozen=True)
class SliceProfiles:
    """The profiles of the slices.

    Args:
        words: counts by place, (slices, places); of text that knows all its words: the last place is not used.
        unknown: the share of unknown words in other texts of the slice, (slices,).
        lengths: words of a text, (slices,).
        answers: shares of what is answered, (slices, labels, 10).
        classes: by how much the share of each answer is higher in texts of a class than in others,
            (classes, labels, 10).
        window: words of a window, as many as the limit of the residual is for.
    """

    words: Counts
    unknown: Floats
    lengths: Floats
    answers: Floats
    classes: Floats
    window: float


@dataclass(frozen=True)
class Fit:
    """The nearest mixture.

    Args:
        mix: the share of each slice among the texts, (slices,).
        unknown: by how much the share of unknown words is above what the mixture has.
        answers: by how much the share of each answer is above what the mixture has, (labels, 10).
        weights: from shifts of answers to shifts of classes, (classes, labels, 10).
        words: shares of the known words, (places - 1,).
        expected: the same of the mixture.
        size: the number of words, at most that of a window of the reference: texts of one kind differ a little beyond
            chance, which would weigh the more, the larger the window.
    """

    mix: Floats
    unknown: float
    answers: Floats
    weights: Floats
    words: Floats
    expected: Floats
    size: float

    def residual(self, first: "Fit | None" = None) -> float:
        """Return the distance of the known words from the mixture; with `first`, corrected by that window's deviation.

        It is the root of the Jensen-Shannon divergence times that of the number of words: for samples of one text it
        does not depend on the size.
        """
        expected = self.expected
        if first is not None:
            expected = expected * (first.words + _LEAST) / (first.expected + _LEAST)
        return _distance(expected / expected.sum(), self.words) * float(np.sqrt(self.size))

    def classes(self, first: "Fit | None" = None) -> float:
        """Return the largest shift of a class's share; with `first`, since that window."""
        return float(abs(self.class_shifts(first)).max())

    def confidence(self, first: "Fit | None" = None) -> float:
        """Return the largest shift of the share of answers below a confidence (Kolmogorov-Smirnov)."""
        return float(abs(self._since(first).sum(axis=0).cumsum()).max())

    def class_shifts(self, first: "Fit | None" = None) -> Floats:
        """Estimate the shift of each class's share, as if it were the only one that moved, (classes,)."""
        return np.tensordot(self.weights, self._since(first), 2)

    def _since(self, first: "Fit | None") -> Floats:
        return self.answers if first is None else self.answers - first.answers


def fit(slices: SliceProfiles, window: Window, weights: Floats | None = None) -> Fit:
    """Find the nearest mixture; `weights` are the shares of the slices among the words, if known already."""
    if weights is None:
        (weights,) = mixtures(slices, [window])
    texts = weights / slices.lengths
    mix = texts / texts.sum()
    excess = window.words[-1] / max(window.words.sum(), 1) - float(weights @ slices.unknown)
    expected = np.tensordot(mix, slices.answers, 1)
    answers = window.answers / max(window.texts, 1) - expected
    size = min(window.words[:-1].sum(), slices.window)
    filters = _class_filters(slices.classes, expected)
    return Fit(mix, float(excess), answers, filters, _known(slices, window), weights @ _shares(slices), size)


def mixtures(slices: SliceProfiles, windows: Sequence[Window]) -> Floats:
    """The shares of the slices among the words of each window, by expectation maximisation, (windows, slices)."""
    shares = _shares(slices)
    known = np.array([_known(slices, window) for window in windows])
    weights = np.full((len(windows), len(shares)), 1 / len(shares))
    for _ in range(_ROUNDS):
        weights = weights * ((known / (weights @ shares)) @ shares.T)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _class_filters(classes: Floats, expected: Floats) -> Floats:
    """Return the matched filter of each class: an answer weighs the more, the rarer it is in other classes."""
    weights = classes / (expected + _RARE)
    return np.asarray(weights / ((weights * classes).sum(axis=(1, 2), keepdims=True) + _DOUBT))


def _shares(slices: SliceProfiles) -> Floats:
    counts = slices.words[:, :-1] + 0.5
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _known(slices: SliceProfiles, window: Window) -> Floats:
    """Return the shares of the known words; a window without any gets the mean of all slices."""
    known = window.words[:-1]
    return np.asarray(known / known.sum() if known.any() else _shares(slices).mean(axis=0))


def _distance(first: Floats, second: Floats) -> float:
    """The square root of the Jensen-Shannon divergence of two distributions."""
    middle = (first + second) / 2
    divergence = sum(
        float((one[one > 0] * np.log(one[one > 0] / middle[one > 0])).sum()) / 2 for one in (first, second)
    )
    return float(np.sqrt(max(divergence, 0.0)))
