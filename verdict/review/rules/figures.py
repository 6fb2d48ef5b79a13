"""The rule `figures`: all of metrics/evaluation.json and metrics/validation.json, computed again.

Figures on test come from the artifact. Figures on validation come from predictions that the stage wrote before it
trained once more on train + validation: the figures must be those of these predictions, which are the change's claim.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import EVALUATION, SEED, VALIDATION_METRICS, VALIDATION_PREDICTIONS
from verdict.base.printable import plain
from verdict.classifier.params.metric_names import BINS, OVERALL
from verdict.classifier.scores.predictions import MetricsBySlice, metrics_by_slice, metrics_document
from verdict.review.evidence import Evidence
from verdict.review.metrics_file import Seeds, parse_metrics
from verdict.review.reported_metrics import Reported, document_mismatches, mismatches, new_metrics, unknown_entries
from verdict.review.rules.rule import BY_PERSON, Rule
from verdict.review.words import counted

_AGAIN = "dvc repro -f train evaluate"
_NEW = f"{_AGAIN}; a metric that main does not compute yet: {BY_PERSON.format('policy')}"


@dataclass(frozen=True)
class ValidationFigures:
    """A change's figures on validation by seed, the artifact's first, from its predictions; `wrong` has the mismatches.

    Both are empty where dvc.lock names no such predictions. `optional` metrics may be missing in both files. `new` has
    those of the mismatches that are numbers of a metric which this code does not compute.
    """

    figures: dict[str, MetricsBySlice] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()

    def seeds(self, least: int, headline: str) -> Seeds | None:
        """The headline metric of all seeds; None where fewer than two are known and no more than one is required."""
        values = [figures[OVERALL][headline] for figures in self.figures.values()]
        if max(len(values), least) < 2:
            return None
        if not values:
            raise VerdictError(
                VALIDATION_PREDICTIONS[0], "; ".join(self.wrong) or "dvc.lock has no such output", "dvc repro train"
            )
        return Seeds.of(values)


def recompute_validation(candidate: Evidence, optional: frozenset[str] = frozenset()) -> ValidationFigures:
    """Compute the figures on validation again, and compare metrics/validation.json with them."""
    try:
        tables = candidate.on_validation
    except VerdictError as error:
        return ValidationFigures(wrong=(f"{error.where}: {error.what}",), optional=optional)
    if not tables:
        return ValidationFigures(optional=optional)
    seed = str((candidate.revision.params.get("train") or {}).get("seed"))
    figures = {
        match[1] if (match := SEED.fullmatch(name)) else seed: metrics_by_slice(table, candidate.labels, BINS)
        for name, table in tables.items()
    }
    return _compared(candidate, ValidationFigures(figures, optional=optional))


def _compared(candidate: Evidence, validation: ValidationFigures) -> ValidationFigures:
    figures = validation.figures
    text = candidate.revision.text(VALIDATION_METRICS)
    if text is None:  # where dvc.yaml declares the file, the rule `lock` reports that it is missing
        return validation
    try:
        reported = parse_metrics(text, VALIDATION_METRICS)
    except VerdictError as error:
        return replace(validation, wrong=(f"{VALIDATION_METRICS}: {error.what}",))
    values = {seed: of_seed[OVERALL][candidate.headline] for seed, of_seed in figures.items()}
    seeds = Seeds.of(list(values.values()))
    expected = {
        **metrics_document(next(iter(figures.values())), candidate.labels),
        "seeds": {"values": values, "mean": seeds.mean, "std": seeds.std},
    }
    wrong, new = document_mismatches(reported, expected, validation.optional), new_metrics(reported, expected)
    prefixed = [tuple(f"{VALIDATION_METRICS}: {line}" for line in lines) for lines in (wrong, new)]
    return replace(validation, wrong=prefixed[0], new=frozenset(prefixed[1]))


def rule(
    figures: Reported, expected: dict[str, Any], candidate: Evidence, validation: ValidationFigures, approved: bool
) -> Rule:
    """Both files hold the computed figures, and nothing else but figures of new metrics that a person approved.

    Args:
        figures: metrics/evaluation.json as DVC reports it.
        expected: the same computed from the predictions on test.
        candidate: whose file it is.
        validation: the figures on validation.
        approved: a person allowed metrics that this code, which is main's where it counts, does not compute yet.
    """
    revision = candidate.revision
    evaluation = parse_metrics(revision.text(EVALUATION) or "", f"{EVALUATION} of {revision.name}")
    on_test = (*mismatches(figures, expected, revision, validation.optional), *unknown_entries(evaluation, expected))
    new = new_metrics(evaluation, expected)
    # On validation those alone that test has, too: a further seed there is no new metric.
    unknown = {*new, *(validation.new & {f"{VALIDATION_METRICS}: {line}" for line in new})}
    lines = [*dict.fromkeys(on_test), *validation.wrong]
    wrong = [line for line in lines if not approved or line not in unknown]
    requirement = (
        f"{EVALUATION} and {VALIDATION_METRICS} hold the figures of the predictions and no others;"
        " those on test are the artifact's"
    )
    if not wrong:
        also = f", and on validation for {counted(len(validation.figures), 'seed')}" if validation.figures else ""
        finding = f"{counted(len(figures) - len(new), 'figure')} recomputed, predictions run again{also}"
        if new:
            finding += f"; not checked, since main does not compute it: {', '.join(sorted(set(new.values())))}"
        return Rule("figures", requirement, True, plain(finding, 300), approved=bool(lines))
    brief = f"{counted(len(wrong), 'figure')} {'differs' if len(wrong) == 1 else 'differ'}"
    is_new = unknown.issuperset(wrong)
    return Rule("figures", requirement, False, f"{brief}: {wrong[0]}", _NEW if is_new else _AGAIN, brief=brief)
