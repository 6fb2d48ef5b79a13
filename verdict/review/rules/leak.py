"""The rule `leak`: the gain on test exceeds the gain on validation by more than chance explains.

It catches accidents only: the change's own code writes the predictions on validation, and its artifact may have learnt
from validation afterwards (`train.refit`), so that they cannot be run again.
"""

from dataclasses import dataclass, replace

import pandas as pd
from scipy.special import stdtrit

from verdict.base.errors import VerdictError
from verdict.base.paths import VALIDATION_PREDICTIONS
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import probability_columns
from verdict.review.bootstrap import Draws, ResamplingSettings, paired_bootstrap
from verdict.review.compare import all_labels
from verdict.review.evidence import Evidence
from verdict.review.rules.rule import Rule
from verdict.review.settings import ComparisonSettings
from verdict.review.truth import extended_to_labels
from verdict.review.words import short_name, signed, title

NAME = "leak"
# The probability that no group of a change without a leak fails.
CONFIDENCE = 0.9999
REMEDY = "what of the test rows does the training see? verdict repro runs each stage with its deps alone"
# Only standard errors are needed, and these converge long before the quantiles of the gate's intervals.
_RESAMPLES = 500
# Suffix of the candidate's columns beside the base's.
_NEW = "\0new"


@dataclass(frozen=True)
class Excess:
    """Gain on test minus gain on validation, overall or in a slice; chance explains at most `reach` of it."""

    group: str
    test: float
    validation: float
    reach: float

    @property
    def difference(self) -> float:
        """Difference of the gains."""
        return self.test - self.validation

    @property
    def measurable(self) -> bool:
        """True if chance does not explain the difference."""
        return self.difference > self.reach

    @property
    def text(self) -> str:
        """In words."""
        gains = f"{signed(self.test)} on test, {signed(self.validation)} on validation"
        word = "more" if self.difference >= 0 else "less"
        return (
            f"{short_name(self.group)}: {gains}, {abs(self.difference):.4f} {word} (chance explains {self.reach:.4f})"
        )


Sides = tuple[pd.DataFrame, pd.DataFrame]  # the base's predictions and the candidate's


def excesses(test: Sides, validation: Sides, labels: tuple[str, ...], settings: ComparisonSettings) -> list[Excess]:
    """The excess overall and in each slice, from predictions of all `labels` for the rows that both sides have."""
    on_test, on_validation = (_draws(sides, labels, settings) for sides in (test, validation))
    groups = [
        group for group in on_test if all(group in draws and draws[group].varies for draws in (on_test, on_validation))
    ]
    level = 1 - (1 - CONFIDENCE) / max(len(groups), 1)
    return [_excess(group, on_test[group], on_validation[group], settings.headline, level) for group in groups]


def _draws(sides: Sides, labels: tuple[str, ...], settings: ComparisonSettings) -> dict[str, Draws]:
    names, truth = probability_columns(labels), [name for name in select_truth(sides[0].columns) if name in sides[1]]
    base, candidate = (side[[*truth, *names]].drop_duplicates("id") for side in sides)
    shared = base.merge(candidate, on=truth, suffixes=("", _NEW))
    if shared.empty:
        return {}
    new = shared[[*truth, *(f"{name}{_NEW}" for name in names)]].set_axis([*truth, *names], axis=1)
    resampling = ResamplingSettings(1, _RESAMPLES, settings.seed, lambda _: [settings.headline])
    return paired_bootstrap(shared[[*truth, *names]], new, labels, resampling)


def _excess(group: str, test: Draws, validation: Draws, metric: str, level: float) -> Excess:
    gain, expected = (draws.candidate[metric] - draws.base[metric] for draws in (test, validation))
    error = (test.standard_error(metric) ** 2 + validation.standard_error(metric) ** 2) ** 0.5
    freedom = min(test.groups - test.strata, validation.groups - validation.strata)
    return Excess(group, gain, expected, float(stdtrit(freedom, level)) * error)


def rule(base: Evidence, candidate: Evidence, settings: ComparisonSettings, unchanged: bool) -> Rule:
    """No measurable excess. It passes where main's results hold no predictions on validation."""
    requirement = f"{title(settings.headline)} does not rise on test by measurably more than on validation"
    if unchanged:
        return Rule(NAME, requirement, True, "every prediction is main's")
    if VALIDATION_PREDICTIONS[0] not in base.revision.outputs:
        return Rule(NAME, requirement, True, f"not asked: main keeps no {VALIDATION_PREDICTIONS[0]}")
    return _judged(Rule(NAME, requirement, False, "", REMEDY), base, candidate, settings)


def _judged(rule: Rule, base: Evidence, candidate: Evidence, settings: ComparisonSettings) -> Rule:
    name = VALIDATION_PREDICTIONS[1]
    old_validation = base.on_validation[name]
    try:
        new_validation = candidate.on_validation[name]
    except (VerdictError, KeyError) as error:
        reason = f"{error.where}: {error.what}" if isinstance(error, VerdictError) else "dvc.lock has no such output"
        finding = f"no predictions on validation to compare with: {reason}"
        return replace(rule, finding=finding, remedy="dvc repro -f train", brief="no predictions on validation")
    labels = all_labels(base, candidate)
    test, validation = (
        (extended_to_labels(old, base.labels, labels), extended_to_labels(new, candidate.labels, labels))
        for old, new in ((base.predictions, candidate.predictions), (old_validation, new_validation))
    )
    by_group = excesses(test, validation, labels, settings)
    if not by_group:
        return replace(rule, passed=True, finding="not asked: main and change share no rows of both splits")
    most = max(by_group, key=lambda excess: excess.difference - excess.reach)
    brief = f"{short_name(most.group)} {most.difference:.4f} more on test than on validation"
    shown = most if most.measurable else next(excess for excess in by_group if excess.group == OVERALL)
    return replace(rule, passed=not most.measurable, finding=shown.text, brief=brief)
