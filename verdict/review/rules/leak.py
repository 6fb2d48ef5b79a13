"""Is the gain on test larger than the gain on validation by more than chance explains? Then something leaked.

A tripwire for accidents: the predictions on validation are written by the change's own code, and its artifact may have
learnt from validation afterwards (`train.refit`), so that nobody can run them again.
"""

from dataclasses import dataclass, replace

import pandas as pd
from scipy.special import stdtrit

from verdict.base.errors import VerdictError
from verdict.base.paths import VALIDATION
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import probability_columns
from verdict.review.bootstrap import Draws, ResamplingSettings, paired_bootstrap
from verdict.review.compare import all_labels
from verdict.review.evidence import Evidence
from verdict.review.rules.model import Rule
from verdict.review.settings import ComparisonSettings
from verdict.review.truth import extended_to_labels
from verdict.review.words import short_name, signed, title

NAME = "leak"
# That no group of a change without a leak fails, by chance in the test and validation groups.
CONFIDENCE = 0.9999
REMEDY = "what of the test rows does the training see? verdict repro runs each stage with its deps alone"
# Only standard errors are asked for, and these settle long before the quantiles of the gate's intervals.
_RESAMPLES = 500
# What the candidate's columns are called beside main's.
_NEW = "\0new"


@dataclass(frozen=True)
class Excess:
    """Gain on test minus gain on validation, overall or in a slice, and what chance explains of it at most."""

    group: str
    test: float
    validation: float
    reach: float

    @property
    def difference(self) -> float:
        """Of the gains."""
        return self.test - self.validation

    @property
    def measurable(self) -> bool:
        """Whether it is above 0 by more than chance explains."""
        return self.difference > self.reach

    @property
    def text(self) -> str:
        """In words."""
        gains = f"{signed(self.test)} on test, {signed(self.validation)} on validation"
        word = "more" if self.difference >= 0 else "less"
        return (
            f"{short_name(self.group)}: {gains}, {abs(self.difference):.4f} {word} (chance explains {self.reach:.4f})"
        )


Sides = tuple[pd.DataFrame, pd.DataFrame]  # main's predictions and the candidate's


def excesses(test: Sides, validation: Sides, labels: tuple[str, ...], plan: ComparisonSettings) -> list[Excess]:
    """The excess overall and in each slice, from predictions of all `labels`; only rows that both sides have count."""
    gains = [_draws(sides, labels, plan) for sides in (test, validation)]
    groups = [group for group in gains[0] if all(group in gain and gain[group].varies for gain in gains)]
    level = 1 - (1 - CONFIDENCE) / max(len(groups), 1)
    return [_excess(group, gains[0][group], gains[1][group], plan.headline, level) for group in groups]


def _draws(sides: Sides, labels: tuple[str, ...], plan: ComparisonSettings) -> dict[str, Draws]:
    names, truth = probability_columns(labels), [name for name in select_truth(sides[0].columns) if name in sides[1]]
    base, candidate = (side[[*truth, *names]].drop_duplicates("id") for side in sides)
    both = base.merge(candidate, on=truth, suffixes=("", _NEW))
    if both.empty:
        return {}
    own = both[[*truth, *(f"{name}{_NEW}" for name in names)]].set_axis([*truth, *names], axis=1)
    return paired_bootstrap(
        both[[*truth, *names]], own, labels, ResamplingSettings(1, _RESAMPLES, plan.seed, lambda _: [plan.headline])
    )


def _excess(group: str, test: Draws, validation: Draws, metric: str, level: float) -> Excess:
    gained, alike = (draws.candidate[metric] - draws.base[metric] for draws in (test, validation))
    error = (test.standard_error(metric) ** 2 + validation.standard_error(metric) ** 2) ** 0.5
    freedom = min(test.groups - test.strata, validation.groups - validation.strata)
    return Excess(group, gained, alike, float(stdtrit(freedom, level)) * error)


def rule(base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: ComparisonSettings, unchanged: bool) -> Rule:
    """No measurable excess. Nothing is asked where main's results hold no predictions on validation."""
    requirement = f"{title(plan.headline)} does not rise on test by measurably more than on validation"
    if unchanged:
        return Rule(NAME, requirement, True, "every prediction is main's")
    if VALIDATION[0] not in base.revision.outputs:
        return Rule(NAME, requirement, True, f"not asked: main keeps no {VALIDATION[0]}")
    return _judged(Rule(NAME, requirement, False, "", REMEDY), base, candidate, own, plan)


def _judged(rule: Rule, base: Evidence, candidate: Evidence, own: pd.DataFrame, plan: ComparisonSettings) -> Rule:
    name = VALIDATION[1]
    theirs = base.on_validation[name]
    try:
        ours = candidate.on_validation[name]
    except (VerdictError, KeyError) as error:
        told = f"{error.where}: {error.what}" if isinstance(error, VerdictError) else "dvc.lock has no such output"
        lost = f"no predictions on validation to compare with: {told}"
        return replace(rule, finding=lost, remedy="dvc repro -f train", brief="no predictions on validation")
    labels = all_labels(base, candidate)
    tables = [extended_to_labels(table, base.labels, labels) for table in (base.predictions, theirs)]
    own, ours = (extended_to_labels(table, candidate.labels, labels) for table in (own, ours))
    found = excesses((tables[0], own), (tables[1], ours), labels, plan)
    if not found:
        return replace(rule, passed=True, finding="not asked: main and change share no rows of both splits")
    most = max(found, key=lambda one: one.difference - one.reach)
    brief = f"{short_name(most.group)} {most.difference:.4f} more on test than on validation"
    shown = next(one for one in found if one.group == OVERALL) if not most.measurable else most
    return replace(rule, passed=not most.measurable, finding=shown.text, brief=brief)
