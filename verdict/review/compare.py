"""Main and candidate on the same sentences: differences with intervals, and a word for each.

The claims that the gate acts on are one family: the headline metric overall and in each domain, and what else the
policy names. Their intervals hold together with the stated confidence (Šidák); all others are a second family. A word
follows from its interval: *better* or *worse* excludes 0, all else is *no measurable difference*.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr, ndtri

from verdict.base.errors import VerdictError
from verdict.base.paths import TEST, TEST_SET
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores.metric_names import HEADLINE, LOWER_IS_BETTER, METRICS, OVERALL
from verdict.review.bootstrap import Draws, paired
from verdict.review.evidence import Evidence, Mask
from verdict.review.testset import WRITE, TestRows

BETTER, WORSE, SAME, UNDEFINED = "better", "worse", "no measurable difference", "not defined"
# A difference that four digits show as 0 is none: the same weights on another processor move all sentences a little.
NOTHING = 5e-5
# Main's model cannot be asked about documents that it learnt from; beyond this share of them there is no judgement.
MOST_LEFT_OUT = 0.1
# A loss "could have been seen" when it would have been called worse in nine of ten test sets.
POWER = 0.9


@dataclass(frozen=True)
class Plan:
    """How differences are judged: `bins` of the calibration error, and the bootstrap's settings.

    `named` are the pairs of group and metric that the policy fails a change for.
    """

    confidence: float
    resamples: int
    seed: int
    bins: int
    named: frozenset[tuple[str, str]] = frozenset()

    def family(self, groups: Collection[str]) -> frozenset[tuple[str, str]]:
        """The claims that the gate acts on, or the headline is about, in these groups."""
        return frozenset((group, HEADLINE) for group in groups) | {pair for pair in self.named if pair[0] in groups}


@dataclass(frozen=True)
class Difference:
    """One metric of one group: candidate − main, and the interval from `low` to `high` at `confidence`.

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


@dataclass(frozen=True)
class Group:
    """One group of sentences: how many predictions were mended and broken, and what this many sentences can show.

    `p_value` is McNemar's, exact, sentence by sentence; `detectable` the loss of the headline metric that nine of ten
    such test sets would show as worse, None where nothing varies that could tell.
    """

    name: str
    sentences: int
    documents: int
    left_out: int
    fixed: int
    broken: int
    p_value: float
    detectable: float | None


@dataclass(frozen=True)
class Comparison:
    """All differences and groups; `rows` has both sides' predictions, sentence by sentence.

    Intervals hold together with `confidence`, those of the gate's family and those of the others.
    """

    confidence: float
    test_changed: bool
    unchanged: bool
    differences: tuple[Difference, ...]
    groups: tuple[Group, ...]
    rows: pd.DataFrame = field(repr=False)

    def of(self, group: str, metric: str = HEADLINE) -> Difference:
        """The difference of one metric in one group."""
        return next(line for line in self.differences if (line.group, line.metric) == (group, metric))

    @property
    def domains(self) -> tuple[str, ...]:
        """The groups but `overall`."""
        return tuple(group.name for group in self.groups if group.name != OVERALL)

    def as_json(self) -> dict[str, Any]:
        """Everything but the sentences."""
        return {
            "confidence": self.confidence,
            "test_changed": self.test_changed,
            "unchanged": self.unchanged,
            "groups": {group.name: asdict(group) for group in self.groups},
            "differences": [asdict(line) for line in self.differences],
        }


def compare(base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: Plan, rows: TestRows) -> Comparison:
    """Both models on the approved ones of the candidate's test sentences.

    Args:
        base: main. Of sentences that it tests on its stored predictions serve; on others its artifact is run, but for
            those of documents that it was trained on.
        candidate: whose test sentences count.
        own: the candidate's predictions for them.
        plan: how differences are judged.
        rows: which of the sentences are approved.

    Raises:
        VerdictError: no sentence is approved, or main's model was trained on more than a tenth of them, overall or of a
            domain.
    """
    if not rows.counts.any():
        what = f"names none of the {len(rows.counts):,} rows of {TEST}"
        raise VerdictError(f"{TEST_SET} of {candidate.revision.name}", what, f"{WRITE}, and commit the file")
    theirs, mine, known = both_on(base, candidate, own, rows.counts)
    left_out = left_out_counts(candidate.test["domain"][rows.counts], known, base.revision.name)
    changed = rows.gone > 0 or bool((rows.counts & ~rows.mains).any())
    return of_tables(theirs, mine, plan, changed, left_out)


def on_shared(base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: Plan, rows: TestRows) -> Comparison | None:
    """Both models on the sentences that main approves already; None where there is none, or no other.

    A person may have approved others: a loss on the old ones counts, whatever the new ones say.
    """
    if not rows.mains.any() or (rows.mains == rows.counts).all():
        return None
    return of_tables(*both_on(base, candidate, own, rows.mains)[:2], plan)


def both_on(
    base: Evidence, candidate: Evidence, own: pd.DataFrame, rows: Mask
) -> tuple[pd.DataFrame, pd.DataFrame, Mask]:
    """Both sides' predictions for some of the candidate's test sentences, and which of these main had learnt from.

    The latter are left out.
    """
    theirs, known = base.predictions_for(candidate.test[rows])
    return theirs[~known].reset_index(drop=True), own[rows][~known].reset_index(drop=True), known


def left_out_counts(domains: pd.Series, known: Mask, main: str) -> dict[str, int]:
    """How many sentences main had learnt from, overall and by domain; `VerdictError` when they are too many."""
    by_domain = {name: known[(domains == name).to_numpy()] for name in dict.fromkeys(domains)}
    for name, rows in {OVERALL: known, **by_domain}.items():
        if rows.mean() > MOST_LEFT_OUT:
            what = f"main's model was trained on {rows.sum()} of the {len(rows)} test sentences ({name})"
            remedy = (
                "keep prepare.salt and the shares; or approve them after this change, when main has not learnt them:"
                f" now git checkout {main} -- {TEST_SET} && {WRITE} --no-new"
            )
            raise VerdictError(TEST, what, remedy)
    return {OVERALL: int(known.sum()), **{name: int(rows.sum()) for name, rows in by_domain.items()}}


def of_tables(
    base: pd.DataFrame,
    candidate: pd.DataFrame,
    plan: Plan,
    changed: bool = False,
    left_out: Mapping[str, int] | None = None,
) -> Comparison:
    """Two tables of predictions for the same sentences in the same order."""
    draws = paired(base, candidate, plan.bins, plan.resamples, plan.seed)
    rows = _rows(base, candidate)
    groups = tuple(
        _group(name, draw, rows, level(plan, (name, HEADLINE), draws), (left_out or {}).get(name, 0))
        for name, draw in draws.items()
    )
    lines = (
        _difference(name, metric, draw, level(plan, (name, metric), draws), metric in constant(rows, name))
        for name, draw in draws.items()
        for metric in METRICS
    )
    same = bool((base[list(LABELS)].to_numpy() == candidate[list(LABELS)].to_numpy()).all())
    return Comparison(plan.confidence, changed, same and not changed, tuple(lines), groups, rows)


def level(plan: Plan, claim: tuple[str, str], groups: Collection[str]) -> float:
    """The confidence of the interval of a group's metric, so that its family holds with `plan.confidence` (Šidák)."""
    family = plan.family(groups)
    size = len(family) if claim in family else len(groups) * len(METRICS) - len(family)
    return float(plan.confidence ** (1 / size))


def constant(rows: pd.DataFrame, group: str) -> frozenset[str]:
    """The metrics that have no value in a group, since the truth is the same for all of its sentences."""
    inside = rows if group == OVERALL else rows[rows["domain"] == group]
    told_by = {"mcc": "label", "valence_r": "valence"}
    return frozenset(metric for metric, column in told_by.items() if inside[column].nunique() < 2)


def _difference(group: str, metric: str, draws: Draws, confidence: float, undefined: bool) -> Difference:
    low, high = draws.interval(metric, confidence)
    base, candidate = draws.base[metric], draws.candidate[metric]
    down, up = (WORSE, BETTER) if metric not in LOWER_IS_BETTER else (BETTER, WORSE)
    verdict = up if low > 0 else down if high < 0 else SAME
    if undefined:
        verdict = UNDEFINED
    elif abs(candidate - base) < NOTHING:
        verdict = SAME
    return Difference(group, metric, base, candidate, candidate - base, low, high, confidence, verdict)


def _group(name: str, draws: Draws, rows: pd.DataFrame, confidence: float, left_out: int) -> Group:
    inside = rows if name == OVERALL else rows[rows["domain"] == name]
    fixed, broken = int(inside["fixed"].sum()), int(inside["broken"].sum())
    # McNemar's test: had chance decided which of the two is right, the smaller count would be binomial.
    p_value = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5))) if fixed + broken else 1.0
    reach = float(ndtri((1 + confidence) / 2) + ndtri(POWER)) * draws.standard_error(HEADLINE)
    return Group(name, draws.sentences, draws.documents, left_out, fixed, broken, p_value, reach or None)


def _rows(base: pd.DataFrame, candidate: pd.DataFrame) -> pd.DataFrame:
    """Sentence by sentence: the truth, both predictions with their confidence, and whether it was fixed or broken."""
    sides = {}
    for name, table in (("base", base), ("candidate", candidate)):
        probabilities = table[list(LABELS)].to_numpy()
        sides[name] = np.asarray(LABELS)[probabilities.argmax(axis=1)]
        sides[f"{name}_confidence"] = probabilities.max(axis=1)
    rows = candidate[["id", "document", "domain", "label", "valence"]].assign(**sides)
    right, was_right = rows["candidate"] == rows["label"], rows["base"] == rows["label"]
    return rows.assign(fixed=right & ~was_right, broken=was_right & ~right)
