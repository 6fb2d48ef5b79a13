"""Uncertainty of a ranking: intervals, ties with the best, and the selection bias of the best.

All experiments are scored on the same resamples of groups (`verdict.review.bootstrap`), so that a hard draw is hard
for all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verdict.classifier.scores.metrics import Floats
from verdict.review.bootstrap import ModelDraws, interval_quantiles

# The most elements in the differences of all pairs: keeps the time below a minute.
_MOST_ELEMENTS = 2e9
_LEAST_RESAMPLES = 1000
# A smaller difference is rounding.
_ROUNDING = 1e-12


def interval(scores: ModelDraws, model: int, confidence: float) -> tuple[float, float]:
    """The percentile interval of a model's score, widened for few groups."""
    low, high = np.quantile(scores.draws[model], interval_quantiles(confidence, scores.groups))
    return float(low), float(high)


@dataclass(frozen=True)
class Differences:
    """The difference of each model to the best, with intervals that hold together for all pairs of models."""

    difference: Floats
    low: Floats
    high: Floats

    @property
    def ties_best(self) -> npt.NDArray[np.bool_]:
        """True for models that cannot be told from the best."""
        return self.high >= 0


@dataclass(frozen=True)
class SelectionBias:
    """The expected excess of the best score over the winner's true score: an `estimate`, and its upper bound `most`."""

    estimate: float
    most: float


def to_best(scores: ModelDraws, best: int, confidence: float) -> Differences:
    """Compute the differences to the best.

    The best was picked by these very scores, so intervals for the pairs with it alone would be too narrow. One factor
    is taken from the largest studentized deviation among all pairs (bootstrap max-t; Romano & Wolf 2005): with
    `confidence` all of them hold together, and so do those with the best, whichever that is.
    """
    difference = scores.points - scores.points[best]
    moved = scores.draws - scores.draws[best] - difference[:, None]
    reach = _factor(scores, confidence) * _errors(moved, scores.groups)
    return Differences(difference, difference - reach, difference + reach)


def _factor(scores: ModelDraws, confidence: float) -> float:
    models, resamples = scores.draws.shape
    pairs = models * (models - 1) / 2
    used = min(resamples, max(_LEAST_RESAMPLES, int(_MOST_ELEMENTS / max(pairs, 1))))
    draws = scores.draws[:, :used] - scores.points[:, None]
    largest = np.zeros(used)
    for model in range(models - 1):
        moved = draws[model + 1 :] - draws[model]
        errors = _errors(moved, scores.groups)
        distinct = errors > _ROUNDING
        if distinct.any():
            np.maximum(largest, (np.abs(moved[distinct]) / errors[distinct, None]).max(axis=0), out=largest)
    return float(np.quantile(largest, confidence))


def _errors(moved: Floats, groups: int) -> Floats:
    """The standard errors of differences, with Bessel's correction for the number of groups."""
    errors: Floats = moved.std(axis=-1) * (groups / max(groups - 1, 1)) ** 0.5
    return errors


def selection_bias(scores: ModelDraws) -> SelectionBias:
    """Estimate what picking the best adds to its score, by picking it again on each resample.

    In a resample the winner's score exceeds what that model has on average: by how much, on average, is the estimate.
    The experiments' scores, which are noisy themselves, stand in for the true ones there, and lie further apart than
    these: the estimate is rather low. Were all experiments equally good, it would be the average of the largest
    deviation, and it cannot be more.
    """
    deviations = scores.draws - scores.draws.mean(axis=1, keepdims=True)
    winners = scores.draws.argmax(axis=0)
    excess = deviations[winners, np.arange(deviations.shape[1])]
    return SelectionBias(float(excess.mean()), float(deviations.max(axis=0).mean()))
