"""The axes of the parallel-coordinates plot: the place of each value, from 0 at the bottom to 1 at the top."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verdict.base.printable import plain
from verdict.experiments.leaderboard.records import shown_param

NOT_USED = "not used"
_MOST_TICKS = 6
_LONGEST = 16  # characters of a value
_FAR_APART = 20  # from this ratio of the largest to the smallest on, numbers stand by their logarithm


@dataclass(frozen=True)
class Axis:
    """A title, a place for each experiment, and the values written beside the axis with their places."""

    title: str
    places: list[float]
    ticks: list[tuple[float, str]]


def of_param(title: str, values: Sequence[Any]) -> Axis:
    """An axis of numbers, by their logarithm where they lie far apart, or of words, evenly spaced."""
    numbers = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers):
        return _of_numbers(title, values, sorted({float(value) for value in numbers}))
    words = [NOT_USED if value is None else plain(shown_param(value), _LONGEST) for value in values]
    levels = sorted(set(words), key=lambda word: (word != NOT_USED, word))
    step = 1 / max(len(levels) - 1, 1)
    place = {word: number * step for number, word in enumerate(levels)}
    ticks = _thinned([(place[word], word) for word in levels])
    return Axis(title, [place[word] for word in words], ticks)


def of_score(title: str, scores: Sequence[float]) -> Axis:
    """The last axis."""
    levels = sorted(set(scores))
    low, high = levels[0], levels[-1]
    wide = high - low or 1.0
    ticks = [(number / 4, f"{low + number / 4 * (high - low):.3f}") for number in range(5)] if high > low else []
    return Axis(title, [(score - low) / wide for score in scores], ticks or [(0.0, f"{low:.4f}")])


def _of_numbers(title: str, values: Sequence[Any], levels: list[float]) -> Axis:
    """Numbers stand between 0 and 1; where a param is not used, below them."""
    absent = any(value is None for value in values)
    floor = 0.15 if absent else 0.0
    logarithmic = levels[0] > 0 and levels[-1] / levels[0] >= _FAR_APART
    scaled = [math.log(level) if logarithmic else level for level in levels]
    wide = scaled[-1] - scaled[0]
    place = {
        level: floor + (1 - floor) * ((at - scaled[0]) / wide if wide else 0.5)
        for level, at in zip(levels, scaled, strict=True)
    }
    ticks = _thinned([(place[level], f"{level:.4g}") for level in levels])
    if absent:
        ticks.insert(0, (0.0, NOT_USED))
    return Axis(title, [0.0 if value is None else place[float(value)] for value in values], ticks)


def _thinned(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """As many of the ticks as can be read: both ends, and between them those that keep their distance."""
    kept = ticks[:1]
    for tick in ticks[1:-1]:
        if tick[0] - kept[-1][0] >= 1 / (_MOST_TICKS + 1) and ticks[-1][0] - tick[0] >= 1 / (_MOST_TICKS + 1):
            kept.append(tick)
    return kept + ticks[-1:] if len(ticks) > 1 else kept
