"""Compare base and candidate on the same rows: differences with intervals, and a word for each.

The interval decides the word: *better* or *worse* excludes 0, all else is *no measurable difference*.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr, ndtri

from verdict.base.errors import VerdictError
from verdict.base.paths import TEST, TEST_SET
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.params.metric_names import LOWER_IS_BETTER, OVERALL, metrics_of
from verdict.classifier.scores.predictions import probability_columns, slice_masks
from verdict.review.bootstrap import Draws, ResamplingSettings, paired_bootstrap
from verdict.review.evidence import Evidence, Mask
from verdict.review.settings import ComparisonSettings, levels, require_few_slices, undefined_metrics
from verdict.review.testset import WRITE, TestRows, left_out_counts
from verdict.review.truth import extended_to_labels

BETTER, WORSE, SAME, UNDEFINED = "better", "worse", "no measurable difference", "not defined"
# A difference that four digits show as 0 does not count: the same weights on another processor move all rows a little.
NEGLIGIBLE = 5e-5
# A loss is detectable when nine of ten such test sets would call it worse.
POWER = 0.9


@dataclass(frozen=True)
class Difference:
    """One metric of one group of rows, overall or of a slice: candidate − base, with its interval at `confidence`.

    Where all ratings are the same there is no correlation, where all labels are there is no MCC: such a metric is 0 by
    convention, and its verdict is `UNDEFINED`.
    """

    group: str
    metric: str
    base: float
    candidate: float
    difference: float
    low: float
    high: float
    confidence: float
    verdict: str

    def lost_more_than(self, tolerance: float) -> bool:
        """True if the metric is worse, and its whole interval is beyond the tolerated loss."""
        least = self.low if self.metric in LOWER_IS_BETTER else -self.high
        return self.verdict == WORSE and least > tolerance


@dataclass(frozen=True)
class Group:
    """All rows, or those of a slice: the numbers of fixed and broken predictions, and the detectable loss.

    `clusters` is the number of groups in the bootstrap's sense. `p_value` is McNemar's, exact, by row; `detectable` the
    loss of the headline metric that nine of ten such test sets would show as worse, None where resamples cannot vary.
    """

    name: str
    rows: int
    clusters: int
    left_out: int
    fixed: int
    broken: int
    p_value: float
    detectable: float | None


@dataclass(frozen=True)
class Comparison:
    """All differences and groups; `rows` has both sides' predictions, row by row.

    `labels` are the candidate's, then those that only the base has. The intervals of the gate's family hold together
    with `confidence`, and so do those of the second family.
    """

    labels: tuple[str, ...]
    headline: str
    confidence: float
    test_changed: bool
    unchanged: bool
    differences: tuple[Difference, ...]
    groups: tuple[Group, ...]
    rows: pd.DataFrame = field(repr=False)

    def difference(self, group: str, metric: str = "") -> Difference:
        """The difference of one metric in one group; by default of the headline metric."""
        key = (group, metric or self.headline)
        return next(line for line in self.differences if (line.group, line.metric) == key)

    def in_group(self, group: str) -> list[Difference]:
        """The differences of all metrics in one group."""
        return [line for line in self.differences if line.group == group]

    @property
    def slices(self) -> tuple[str, ...]:
        """The groups except `overall`."""
        return tuple(group.name for group in self.groups if group.name != OVERALL)

    def as_json(self) -> dict[str, Any]:
        """Everything except the rows."""
        return {
            "labels": self.labels,
            "headline": self.headline,
            "confidence": self.confidence,
            "test_changed": self.test_changed,
            "unchanged": self.unchanged,
            "groups": {group.name: asdict(group) for group in self.groups},
            "differences": [asdict(line) for line in self.differences],
        }


def compare(base: Evidence, candidate: Evidence, settings: ComparisonSettings, rows: TestRows) -> Comparison:
    """Compare both models on the judged ones of the candidate's test rows.

    The base's stored predictions serve for rows that it tests, too; on others its artifact is run, except on rows of
    groups that it was trained on. The candidate's predictions must be verified already.

    Raises:
        VerdictError: no row is approved, or main's model was trained on more than a tenth of them, overall or of a
            slice.
    """
    if not rows.judged.any():
        what = f"names none of the {len(rows.judged):,} rows of {TEST}"
        raise VerdictError(f"{TEST_SET} of {candidate.revision.name}", what, f"{WRITE}, and commit the file")
    old, new, learnt = predictions_on(base, candidate, rows.judged)
    left_out = left_out_counts(candidate.test[rows.judged], learnt, base.revision)
    changed = rows.gone > 0 or bool((rows.judged & ~rows.approved_on_base).any())
    return compare_tables(old, new, all_labels(base, candidate), settings, changed=changed, left_out=left_out)


def compare_on_shared(
    base: Evidence, candidate: Evidence, settings: ComparisonSettings, rows: TestRows
) -> Comparison | None:
    """Compare both models on the rows that main approves already; None where there is none, or no other.

    A person may have approved others: a loss on the old ones counts nevertheless.
    """
    shared = rows.approved_on_base
    if not shared.any() or (shared == rows.judged).all():
        return None
    return compare_tables(*predictions_on(base, candidate, shared)[:2], all_labels(base, candidate), settings)


def all_labels(base: Evidence, candidate: Evidence) -> tuple[str, ...]:
    """The candidate's labels, then those that only the base has: a side never predicts a label that it lacks."""
    return (*candidate.labels, *(label for label in base.labels if label not in candidate.labels))


def predictions_on(base: Evidence, candidate: Evidence, rows: Mask) -> tuple[pd.DataFrame, pd.DataFrame, Mask]:
    """Both sides' predictions for some of the candidate's test rows, and the mask of those that the base learnt from.

    The latter are left out of both tables. Both have the columns of all labels.
    """
    labels = all_labels(base, candidate)
    base_table, learnt = base.predictions_for(candidate.test[rows])
    base_table = extended_to_labels(base_table[~learnt], base.labels, labels)
    table = extended_to_labels(candidate.predictions[rows][~learnt], candidate.labels, labels)
    return base_table.reset_index(drop=True), table.reset_index(drop=True), learnt


def compare_tables(
    base: pd.DataFrame,
    candidate: pd.DataFrame,
    labels: tuple[str, ...],
    settings: ComparisonSettings,
    *,
    changed: bool = False,
    left_out: Mapping[str, int] | None = None,
) -> Comparison:
    """Compare two tables of predictions for the same rows in the same order, with the columns of all `labels`."""
    rated, rows = "rating" in candidate, _rows(base, candidate, labels)
    settings.require_metrics(labels, rated)
    require_few_slices(rows)
    metrics, headline = metrics_of(len(labels), rated), settings.headline
    resampling = ResamplingSettings(
        settings.bins, settings.resamples, settings.seed, lambda group: settings.metrics_for(group, metrics)
    )
    draws = paired_bootstrap(base, candidate, labels, resampling)
    confidence = levels(settings, {name: tuple(draw.base) for name, draw in draws.items()})
    inside, groups, differences = dict(slice_masks(rows)), [], []
    for name, draw in draws.items():
        rows_inside = rows[inside[name]]
        detectable = _detectable(draw, headline, confidence[name, headline])
        groups.append(_group(draw, rows_inside, name, (left_out or {}).get(name, 0), detectable))
        undefined = undefined_metrics(rows_inside, draw.base)
        for metric in draw.base:
            differences.append(_difference(name, metric, draw, confidence[name, metric], metric in undefined))
    columns = probability_columns(labels)
    unchanged = not changed and bool((base[columns].to_numpy() == candidate[columns].to_numpy()).all())
    results = (tuple(differences), tuple(groups), rows)
    return Comparison(labels, headline, settings.confidence, changed, unchanged, *results)


def _difference(group: str, metric: str, draws: Draws, confidence: float, undefined: bool) -> Difference:
    low, high = draws.interval(metric, confidence)
    base, candidate = draws.base[metric], draws.candidate[metric]
    down, up = (WORSE, BETTER) if metric not in LOWER_IS_BETTER else (BETTER, WORSE)
    verdict = up if low > 0 else down if high < 0 else SAME
    if undefined:
        verdict = UNDEFINED
    elif abs(candidate - base) < NEGLIGIBLE:
        verdict = SAME
    return Difference(group, metric, base, candidate, candidate - base, low, high, confidence, verdict)


def _group(draws: Draws, rows: pd.DataFrame, name: str, left_out: int, detectable: float | None) -> Group:
    fixed, broken = int(rows["fixed"].sum()), int(rows["broken"].sum())
    # McNemar's test: had chance decided which of the two is right, the smaller count would be binomial.
    p_value = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5))) if fixed + broken else 1.0
    return Group(name, draws.rows, draws.groups, left_out, fixed, broken, p_value, detectable)


def _detectable(draws: Draws, metric: str, confidence: float) -> float | None:
    """The loss of a metric that `POWER` of such test sets would call worse; None where none would call any so."""
    if not draws.varies:
        return None
    return float(ndtri((1 + confidence) / 2) + ndtri(POWER)) * draws.standard_error(metric) or None


def _rows(base: pd.DataFrame, candidate: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    """Row by row: the truth, both predictions with their confidence, and whether the change fixed or broke it."""
    rows = candidate[select_truth(candidate.columns)].copy()
    for name, table in (("base", base), ("candidate", candidate)):
        probabilities = table[probability_columns(labels)].to_numpy()
        rows[name] = np.asarray(labels, dtype=object)[probabilities.argmax(axis=1)]
        rows[f"{name}_confidence"] = probabilities.max(axis=1)
    right, was_right = rows["candidate"] == rows["label"], rows["base"] == rows["label"]
    return rows.assign(fixed=right & ~was_right, broken=was_right & ~right)
