"""Paired bootstrap over groups, stratified by slice: how far chance in the test set could move a difference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit  # not scipy.stats, which takes 0.6 s to import

from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.metrics import Floats, compute_metrics
from verdict.classifier.scores.predictions import metrics_by_slice, scored_rows
from verdict.review.resampling import Resampling

# No difference can be larger: twice the range of a metric, or the loss of a probability that was clipped.
_WIDEST = {"mcc": 2.0, "rating_r": 2.0, "log_loss": -float(np.log(1e-15))}
# Models that are resampled at a time.
_AT_A_TIME = 16
# Of the resamples of a slice; those without a row of it say nothing.
_LEAST_DRAWN = 0.9


@dataclass(frozen=True)
class Draws:
    """Some rows: metrics of main and candidate, and what the resamples made of them.

    `strata` is the number of those that its groups are of. `base` and `candidate` map each metric to its value,
    `differences` to an array (resamples,) of candidate − main.
    """

    groups: int
    rows: int
    strata: int
    base: dict[str, float]
    candidate: dict[str, float]
    differences: dict[str, Floats]

    @property
    def varies(self) -> bool:
        """Whether one resample can differ from another: of one group a stratum each is the same."""
        return self.groups > self.strata

    def interval(self, metric: str, confidence: float) -> tuple[float, float]:
        """Percentile interval of the difference, widened for few groups (Hesterberg 2015, expanded percentile).

        Of one group a stratum anything is possible, and so it is where many resamples have no row.
        """
        values = self._values(metric)
        if not self.varies or len(values) < _LEAST_DRAWN * len(self.differences[metric]):
            widest = _WIDEST.get(metric, 1.0)
            return -widest, widest
        low, high = np.quantile(values, interval_quantiles(confidence, self.groups))
        return float(low), float(high)

    def _values(self, metric: str) -> Floats:
        """The difference in each resample that has a row."""
        values = self.differences[metric]
        return values[~np.isnan(values)]

    def standard_error(self, metric: str) -> float:
        """Of the difference, by the resamples, with Bessel's correction for the number of groups."""
        inflation = self.groups / max(self.groups - 1, 1)
        return float(self._values(metric).std() * inflation**0.5)


def interval_quantiles(confidence: float, groups: int) -> tuple[float, float]:
    """The two quantiles to take of the resamples.

    A resample of n groups varies by (n - 1)/n too little, and the quantiles of few are Student's, not normal; both
    are mended by going further out. For a thousand groups this is nothing, for 51 it is a tenth of a tail.
    """
    if groups < 2:
        return 0.0, 1.0
    quantile = stdtrit(groups - 1, (1 - confidence) / 2) * (groups / (groups - 1)) ** 0.5
    below = float(ndtr(quantile))
    return below, 1 - below


@dataclass(frozen=True)
class ResamplingSettings:
    """How to resample: `bins` of the calibration error, and the metrics that are asked of `overall` and of a slice."""

    bins: int
    resamples: int
    seed: int
    asked: Callable[[str], Sequence[str]]


def paired_bootstrap(
    base: pd.DataFrame, candidate: pd.DataFrame, labels: tuple[str, ...], scheme: ResamplingSettings
) -> dict[str, Draws]:
    """Two tables of predictions for the same rows in the same order, resampled together.

    Returns:
        What came of it overall, then for each slice in the rows' order.
    """
    sides = [metrics_by_slice(table, labels, scheme.bins) for table in (base, candidate)]
    resampling = Resampling([base, candidate], labels, scheme.bins, scheme.seed, scheme.asked)
    found = {}
    for part in resampling.parts:
        old, new = ({name: side[part.name][name] for name in part.asked} for side in sides)
        differences = {name: np.empty(scheme.resamples) for name in part.asked}
        groups, strata = resampling.clusters.groups_of(part.rows), resampling.clusters.strata_of(part.rows)
        found[part.name] = Draws(groups, int(part.rows.sum()), strata, old, new, differences)
    for place, part, (theirs, ours) in resampling.draw(scheme.resamples):
        for name, values in found[part.name].differences.items():
            values[place] = ours[name] - theirs[name]
    return found


@dataclass(frozen=True)
class ModelDraws:
    """Some models by one metric: on all rows (models,), and on resamples that they share (models, resamples)."""

    points: Floats
    draws: Floats
    groups: int


def bootstrap_models(
    tables: Sequence[pd.DataFrame], labels: tuple[str, ...], metric: str, resamples: int, seed: int
) -> ModelDraws:
    """Score several models on the same resamples; their tables have the same rows in the same order."""
    points = np.array([compute_metrics(scored_rows(table, labels, "predictions"), 1)[metric] for table in tables])
    draws, groups = np.empty((len(tables), resamples)), 0
    for begin in range(0, len(tables), _AT_A_TIME):
        # The generators are seeded anew each time: the draws are the same for all tables.
        some = tables[begin : begin + _AT_A_TIME]
        resampling = Resampling(some, labels, 1, seed, lambda name: [metric] if name == OVERALL else [])
        groups = resampling.clusters.groups
        for place, _, found in resampling.draw(resamples):
            draws[begin : begin + len(some), place] = [one[metric] for one in found]
    return ModelDraws(points, draws, groups)
