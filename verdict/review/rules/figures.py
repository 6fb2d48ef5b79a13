"""The figures that a change tells, in metrics/evaluation.json and metrics/validation.json, computed again: all of them.

Those on test come from the artifact. Those on validation come from predictions that the stage wrote before it trained
once more on train + validation: they are true to these predictions, and these are the change's own claim.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import EVALUATION, SEED, VALIDATION
from verdict.classifier.params.metric_names import BINS, OVERALL
from verdict.classifier.scores.predictions import MetricsBySlice, metrics_by_slice, metrics_document
from verdict.review.evidence import Evidence
from verdict.review.metrics_file import SCORES, Seeds, parse_metrics
from verdict.review.reported_metrics import UNKNOWN, Reported, document_mismatches, mismatches, unknown_entries
from verdict.review.rules.model import Rule
from verdict.review.words import counted

_AGAIN = "dvc repro -f train evaluate"
_NEW = f"{_AGAIN}; the judge is main's code: a metric that main does not compute comes in two changes, docs/review.md"


@dataclass(frozen=True)
class ValidationFigures:
    """A change's figures on validation by seed, the artifact's first, from its predictions; `wrong` says what is amiss.

    Both are empty where dvc.lock names no such predictions. What is `optional` may be missing in both files.
    """

    figures: dict[str, MetricsBySlice] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()

    def seeds(self, least: int, headline: str) -> Seeds | None:
        """The headline metric of all seeds; None where it is one, or none can be read, and no more are asked for."""
        values = [own[OVERALL][headline] for own in self.figures.values()]
        if max(len(values), least) < 2:
            return None
        if not values:
            raise VerdictError(VALIDATION[0], "; ".join(self.wrong) or "dvc.lock has no such output", "dvc repro train")
        return Seeds(len(values), statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)


def recompute_validation(candidate: Evidence, optional: frozenset[str] = frozenset()) -> ValidationFigures:
    """Compute the figures on validation again, and compare metrics/validation.json with them.

    What is `optional` may be missing there.
    """
    try:
        tables = candidate.on_validation
    except VerdictError as error:
        return ValidationFigures(wrong=(f"{error.where}: {error.what}",), optional=optional)
    if not tables:
        return ValidationFigures(optional=optional)
    own = str((candidate.revision.params.get("train") or {}).get("seed"))
    figures = {
        match[1] if (match := SEED.fullmatch(name)) else own: metrics_by_slice(table, candidate.labels, BINS)
        for name, table in tables.items()
    }
    return ValidationFigures(figures, tuple(_compared(candidate, figures, optional)), optional)


def _compared(candidate: Evidence, figures: dict[str, MetricsBySlice], optional: frozenset[str]) -> Iterator[str]:
    text = candidate.revision.text(SCORES)
    if text is None:  # then nothing is told; where dvc.yaml declares the file, the rule `lock` misses it
        return
    try:
        told = parse_metrics(text, SCORES)
    except VerdictError as error:
        yield f"{SCORES}: {error.what}"
        return
    values = {seed: own[OVERALL][candidate.headline] for seed, own in figures.items()}
    seeds = {
        "values": values,
        "mean": statistics.fmean(values.values()),
        "std": statistics.stdev(values.values()) if len(values) > 1 else 0.0,
    }
    document = metrics_document(next(iter(figures.values())), candidate.labels)
    yield from (f"{SCORES}: {line}" for line in document_mismatches(told, {**document, "seeds": seeds}, optional))


def rule(figures: Reported, expected: dict[str, Any], candidate: Evidence, validation: ValidationFigures) -> Rule:
    """The rule `figures`: what both files hold, and nothing else.

    Args:
        figures: what DVC shows of the candidate's metrics/evaluation.json.
        expected: the document that its predictions on test make.
        candidate: whose files they are.
        validation: its figures on validation.
    """
    revision = candidate.revision
    told: dict[str, Any] = parse_metrics(revision.text(EVALUATION) or "", f"{EVALUATION} of {revision.name}")
    on_test = (*mismatches(figures, expected, revision, validation.optional), *unknown_entries(told, expected))
    wrong = [*dict.fromkeys(on_test), *validation.wrong]
    requirement = (
        f"{EVALUATION} and {SCORES} hold the figures of the predictions and no others; those on test are the artifact's"
    )
    if not wrong:
        also = f", and on validation for {counted(len(validation.figures), 'seed')}" if validation.figures else ""
        return Rule(
            "figures", requirement, True, f"{counted(len(figures), 'figure')} recomputed, predictions run again{also}"
        )
    brief = f"{counted(len(wrong), 'figure')} {'differs' if len(wrong) == 1 else 'differ'}"
    is_new = any(UNKNOWN in line for line in wrong)
    return Rule("figures", requirement, False, f"{brief}: {wrong[0]}", _NEW if is_new else _AGAIN, brief=brief)
