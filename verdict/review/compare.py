"""Main and candidate on the same rows: differences with intervals, and a word for each.

A word follows from its interval: *better* or *worse* excludes 0, all else is *no measurable difference*.
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
from verdict.review.settings import ComparisonSettings, constant, levels, require_few_slices
from verdict.review.testset import WRITE, TestRows, left_out_counts
from verdict.review.truth import extended_to_labels

BETTER, WORSE, SAME, UNDEFINED = "better", "worse", "no measurable difference", "not defined"
# A difference that four digits show as 0 is none: the same weights on another processor move all rows a little.
NEGLIGIBLE = 5e-5
# A loss "could have been seen" when it would have been called worse in nine of ten test sets.
POWER = 0.9


@dataclass(frozen=True)
class Difference:
    """One metric of one group of rows, overall or of a slice: candidate − main, with its interval at `confidence`.

    Where all ratings are the same there is no correlation, where all labels are there is no MCC: such a metric is 0 by
    convention, and its verdict that it is not defined.
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
        """Whether it is worse, and that by more than a loss that may be: its whole interval says so."""
        least = self.low if self.metric in LOWER_IS_BETTER else -self.high
        return self.verdict == WORSE and least > tolerance


@dataclass(frozen=True)
class Group:
    """All rows, or those of a slice: how many predictions were mended and broken, and what this many rows can show.

    `clusters` is how many groups, of those that chance draws, they belong to. `p_value` is McNemar's, exact, by row;
    `detectable` the loss of the headline metric that nine of ten such test sets would show as worse, None where nothing
    varies that could tell.
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

    `labels` are the candidate's, then those that main alone has.
    Intervals hold together with `confidence`, those of the gate's family and those of the others.
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
        """The difference of one metric in one group; without one named, of the headline metric."""
        wanted = (group, metric or self.headline)
        return next(line for line in self.differences if (line.group, line.metric) == wanted)

    def in_group(self, group: str) -> list[Difference]:
        """The differences of all metrics in one group."""
        return [line for line in self.differences if line.group == group]

    @property
    def slices(self) -> tuple[str, ...]:
        """The groups but `overall`."""
        return tuple(group.name for group in self.groups if group.name != OVERALL)

    def as_json(self) -> dict[str, Any]:
        """Everything but the rows."""
        return {
            "labels": self.labels,
            "headline": self.headline,
            "confidence": self.confidence,
            "test_changed": self.test_changed,
            "unchanged": self.unchanged,
            "groups": {group.name: asdict(group) for group in self.groups},
            "differences": [asdict(line) for line in self.differences],
        }


def compare(
    base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: ComparisonSettings, rows: TestRows
) -> Comparison:
    """Both models on the approved ones of the candidate's test rows.

    Args:
        base: main. Of rows that it tests its stored predictions serve; on others its artifact is run, but for those of
            groups that it was trained on.
        candidate: whose test rows count.
        own: the candidate's predictions for them.
        plan: how differences are judged.
        rows: which of them are approved.

    Raises:
        VerdictError: no row is approved, or main's model was trained on more than a tenth of them, overall or of a
            slice.
    """
    if not rows.counts.any():
        what = f"names none of the {len(rows.counts):,} rows of {TEST}"
        raise VerdictError(f"{TEST_SET} of {candidate.revision.name}", what, f"{WRITE}, and commit the file")
    theirs, mine, known = predictions_on(base, candidate, own, rows.counts)
    left_out = left_out_counts(candidate.test[rows.counts], known, base.revision)
    changed = rows.gone > 0 or bool((rows.counts & ~rows.mains).any())
    return compare_tables(theirs, mine, all_labels(base, candidate), plan, changed=changed, left_out=left_out)


def compare_on_shared(
    base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: ComparisonSettings, rows: TestRows
) -> Comparison | None:
    """Both models on the rows that main approves already; None where there is none, or no other.

    A person may have approved others: a loss on the old ones counts, whatever the new ones say.
    """
    if not rows.mains.any() or (rows.mains == rows.counts).all():
        return None
    return compare_tables(*predictions_on(base, candidate, own, rows.mains)[:2], all_labels(base, candidate), plan)


def all_labels(base: Evidence, candidate: Evidence) -> tuple[str, ...]:
    """The candidate's labels, then those that main alone has: what one side does not know, it never predicts."""
    return (*candidate.labels, *(label for label in base.labels if label not in candidate.labels))


def predictions_on(
    base: Evidence, candidate: Evidence, own: pd.DataFrame, rows: Mask
) -> tuple[pd.DataFrame, pd.DataFrame, Mask]:
    """Both sides' predictions for some of the candidate's test rows, and which of these main had learnt from.

    The latter are left out. Both tables have the columns of all labels.
    """
    theirs, known = base.predictions_for(candidate.test[rows])
    labels, kept = all_labels(base, candidate), ~known
    sides = (
        extended_to_labels(theirs[kept], base.labels, labels),
        extended_to_labels(own[rows][kept], candidate.labels, labels),
    )
    return sides[0].reset_index(drop=True), sides[1].reset_index(drop=True), known


def compare_tables(
    base: pd.DataFrame,
    candidate: pd.DataFrame,
    labels: tuple[str, ...],
    plan: ComparisonSettings,
    *,
    changed: bool = False,
    left_out: Mapping[str, int] | None = None,
) -> Comparison:
    """Two tables of predictions for the same rows in the same order, both with the columns of all `labels`."""
    rated, rows = "rating" in candidate, _rows(base, candidate, labels)
    plan.require_metrics(labels, rated)
    require_few_slices(rows)
    metrics = metrics_of(len(labels), rated)
    scheme = ResamplingSettings(plan.bins, plan.resamples, plan.seed, lambda group: plan.asked(group, metrics))
    draws = paired_bootstrap(base, candidate, labels, scheme)
    confidence = levels(plan, {name: tuple(draw.base) for name, draw in draws.items()})
    inside = {name: rows[place] for name, place in slice_masks(rows)}
    groups = tuple(
        _group(
            draw, inside[name], name, (left_out or {}).get(name, 0), _reach(draw, plan, confidence[name, plan.headline])
        )
        for name, draw in draws.items()
    )
    lines = (
        _difference(name, metric, draw, confidence[name, metric], metric in undefined)
        for name, draw in draws.items()
        for undefined in [constant(inside[name], draw.base)]
        for metric in draw.base
    )
    columns = probability_columns(labels)
    same = bool((base[columns].to_numpy() == candidate[columns].to_numpy()).all())
    return Comparison(labels, plan.headline, plan.confidence, changed, same and not changed, tuple(lines), groups, rows)


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


def _group(draws: Draws, rows: pd.DataFrame, name: str, left_out: int, reach: float) -> Group:
    fixed, broken = int(rows["fixed"].sum()), int(rows["broken"].sum())
    # McNemar's test: had chance decided which of the two is right, the smaller count would be binomial.
    p_value = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5))) if fixed + broken else 1.0
    return Group(name, draws.rows, draws.groups, left_out, fixed, broken, p_value, reach or None)


def _reach(draws: Draws, plan: ComparisonSettings, confidence: float) -> float:
    """How large a loss of the headline metric is that would be seen; 0 where none could be."""
    if not draws.varies:
        return 0.0
    return float(ndtri((1 + confidence) / 2) + ndtri(POWER)) * draws.standard_error(plan.headline)


def _rows(base: pd.DataFrame, candidate: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    """Row by row: the truth, both predictions with their confidence, and whether it was fixed or broken."""
    rows = candidate[select_truth(candidate.columns)].copy()
    for name, table in (("base", base), ("candidate", candidate)):
        probabilities = table[probability_columns(labels)].to_numpy()
        rows[name] = np.asarray(labels, dtype=object)[probabilities.argmax(axis=1)]
        rows[f"{name}_confidence"] = probabilities.max(axis=1)
    right, was_right = rows["candidate"] == rows["label"], rows["base"] == rows["label"]
    return rows.assign(fixed=right & ~was_right, broken=was_right & ~right)
