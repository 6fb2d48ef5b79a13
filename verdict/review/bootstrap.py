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
# The least share of the resamples that must have a row of a slice; the others have no value.
_LEAST_DRAWN = 0.9


@dataclass(frozen=True)
class Draws:
    """The metrics of base and candidate on some rows, and their differences on the resamples.

    `strata` is the number of strata that the rows' groups belong to. `base` and `candidate` map each metric to its
    value, `differences` to an array (resamples,) of candidate − base.
    """

    groups: int
    rows: int
    strata: int
    base: dict[str, float]
    candidate: dict[str, float]
    differences: dict[str, Floats]

    @property
    def varies(self) -> bool:
        """True if resamples can differ: with one group in each stratum all are the same."""
        return self.groups > self.strata

    def interval(self, metric: str, confidence: float) -> tuple[float, float]:
        """Percentile interval of the difference, widened for few groups (Hesterberg 2015, expanded percentile).

        It is as wide as possible where resamples cannot vary, and where many of them have no row.
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
        """Standard error of the difference, by the resamples, with Bessel's correction for the number of groups."""
        inflation = self.groups / max(self.groups - 1, 1)
        return float(self._values(metric).std() * inflation**0.5)


def interval_quantiles(confidence: float, groups: int) -> tuple[float, float]:
    """The two quantiles of the resamples that bound an interval.

    A resample of n groups varies by (n - 1)/n too little, and the quantiles of few are Student's, not normal: going
    further out corrects both. For a thousand groups this is nothing, for 51 it is a tenth of a tail.
    """
    if groups < 2:
        return 0.0, 1.0
    quantile = stdtrit(groups - 1, (1 - confidence) / 2) * (groups / (groups - 1)) ** 0.5
    low = float(ndtr(quantile))
    return low, 1 - low


@dataclass(frozen=True)
class ResamplingSettings:
    """Settings of a bootstrap: `bins` of the calibration error; `metrics_for` gives the metrics of each group."""

    bins: int
    resamples: int
    seed: int
    metrics_for: Callable[[str], Sequence[str]]


def paired_bootstrap(
    base: pd.DataFrame, candidate: pd.DataFrame, labels: tuple[str, ...], settings: ResamplingSettings
) -> dict[str, Draws]:
    """Resample two tables of predictions together; both have the same rows in the same order.

    Returns:
        The draws overall, then of each slice in the rows' order.
    """
    sides = [metrics_by_slice(table, labels, settings.bins) for table in (base, candidate)]
    resampling = Resampling([base, candidate], labels, settings.bins, settings.seed, settings.metrics_for)
    draws = {}
    for part in resampling.parts:
        old, new = ({name: side[part.name][name] for name in part.metrics} for side in sides)
        differences = {name: np.empty(settings.resamples) for name in part.metrics}
        groups, strata = resampling.clusters.groups_of(part.rows), resampling.clusters.strata_of(part.rows)
        draws[part.name] = Draws(groups, int(part.rows.sum()), strata, old, new, differences)
    for place, part, (old_values, new_values) in resampling.draw(settings.resamples):
        for name, differences_of_metric in draws[part.name].differences.items():
            differences_of_metric[place] = new_values[name] - old_values[name]
    return draws


@dataclass(frozen=True)
class ModelDraws:
    """One metric of several models: on all rows (models,), and on resamples that they share (models, resamples)."""

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
        # Each batch seeds the generators again: the draws are the same for all tables.
        batch = tables[begin : begin + _AT_A_TIME]
        resampling = Resampling(batch, labels, 1, seed, lambda name: [metric] if name == OVERALL else [])
        groups = resampling.clusters.groups
        for place, _, models in resampling.draw(resamples):
            draws[begin : begin + len(batch), place] = [values[metric] for values in models]
    return ModelDraws(points, draws, groups)
