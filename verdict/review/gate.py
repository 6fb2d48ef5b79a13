"""The gate: rules, each with its outcome and figures, and an exit code: 0 pass, 1 fail, 2 cannot judge.

Missing or contradictory results, and errors on the way, are 2; 2 is never a pass. Only approvals waive a rule.
"""

import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from verdict.base.errors import VerdictError
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.paths import EVALUATION
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import MetricsBySlice, metrics_by_slice, metrics_document
from verdict.repo.lock.finding import Finding
from verdict.repo.revisions import Revision, Store
from verdict.review.compare import SAME, UNDEFINED, WORSE, Comparison, Difference, compare, compare_on_shared
from verdict.review.data import row_changes
from verdict.review.derive import compare_with_derived
from verdict.review.evidence import Evidence, Mask
from verdict.review.metrics_file import Seeds
from verdict.review.params import Gate
from verdict.review.policy import ParamChange, param_changes, policy_error, policy_of
from verdict.review.reported_metrics import bins_of, mismatches, not_yet_reported, reported
from verdict.review.rules import duplicates, leak, lock, provenance
from verdict.review.rules import model as rules
from verdict.review.rules.figures import recompute_validation
from verdict.review.rules.figures import rule as figures_rule
from verdict.review.rules.model import Rule
from verdict.review.settings import ComparisonSettings
from verdict.review.testset import TestRows, test_rows
from verdict.review.unapproved import on_unapproved
from verdict.review.words import change, claim, counted, figure, first_few, interval, short_name, title


@dataclass
class Review:
    """All findings about a change. What could not be computed is None, and `reason` says why."""

    base: Revision | None
    candidate: Revision
    approvals: Collection[str] = ()
    metric: str = ""  # the headline metric, by the base's params, or without a base by the candidate's
    policy: Gate | None = None
    changes: list[ParamChange] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    figures: MetricsBySlice = field(default_factory=dict)  # of each side's predictions on all its test rows
    base_figures: MetricsBySlice = field(default_factory=dict)
    unapproved: str = ""  # both models on the test rows that nobody has approved, in one line
    seeds: Seeds | None = None  # where the change reports several, or the policy requires them
    comparison: Comparison | None = None
    shared: Comparison | None = None  # on the rows that main approves already, where the change brings others
    private: str = ""  # the result on the private test set, in one line, where the judge has one
    seconds_per_1000: float | None = None
    reason: VerdictError | None = None
    commands: tuple[str, ...] = ()  # how to reproduce it, where that is not a checkout of the candidate's commit

    @property
    def code(self) -> int:
        """The exit code."""
        if self.reason is not None or not self.rules:
            return CANNOT_JUDGE
        return PASS if all(rule.passed for rule in self.rules) else FAIL

    @property
    def claim(self) -> str:
        """The model's change, in words."""
        if self.comparison is None:
            return "first run, judged by floors alone"
        if self.comparison.unchanged:
            return "unchanged, every prediction is main's"
        words = {(line.group, line.metric): self._word(line.group, line.metric) for line in self.comparison.differences}
        text = claim(words, (OVERALL, *self.comparison.slices), self.comparison.headline)
        came = [short_name(name) for name in self.figures if name not in self.base_figures]
        gone = [short_name(name) for name in self.base_figures if name not in self.figures]
        text += f"; new: {first_few(came)}" if came else ""
        return text + (f"; no longer tested: {first_few(gone)}" if gone else "")

    def differences(self, group: str, metric: str) -> list[Difference]:
        """The difference on the judged rows, and, where the change brings others, on those that main approves."""
        return [
            comparison.difference(group, metric)
            for comparison in (self.comparison, self.shared)
            if comparison and group in (OVERALL, *comparison.slices)
        ]

    def _word(self, group: str, metric: str) -> str:
        """The word for a group; where the test set changed, the one that holds on all rows and on the old ones."""
        words = {line.verdict for line in self.differences(group, metric)} - {UNDEFINED}
        return WORSE if WORSE in words else words.pop() if len(words) == 1 else SAME

    @property
    def measured(self) -> str:
        """The headline metric with its figures."""
        if self.comparison is None:
            overall = self.figures[OVERALL]
            return f"{title(self.metric)} {figure(overall[self.metric])} on {counted(int(overall['n']), 'test row')}"
        line, group = self.comparison.difference(OVERALL), self.comparison.groups[0]
        rows = counted(group.rows, "approved test row" if self.unapproved else "test row")
        if self.comparison.unchanged:
            return f"{title(self.metric)} {figure(line.candidate)} on {rows}"
        return (
            f"{title(self.metric)} {change(line)}, {interval(line)} ({self.comparison.confidence * 100:g} % interval),"
            f" on {rows}; {group.fixed} fixed, {group.broken} broken"
        )

    @property
    def failed(self) -> list[Rule]:
        """The rules that fail."""
        return [rule for rule in self.rules if not rule.passed]

    @property
    def grounds(self) -> str:
        """The rules that failed, each with its brief finding: the beginning of the verdict's first line."""
        return first_few([f"{rule.name} ({rule.brief})" if rule.brief else rule.name for rule in self.failed])

    @property
    def headline(self) -> str:
        """The verdict in one line with its figures."""
        if self.reason is not None:
            return f"Cannot judge: {self.reason.where}: {self.reason.what}"
        outcome = f"Fail, {self.grounds}" if self.failed else "Pass"
        return f"{outcome}: {self.claim}; {self.measured}"


def review(store: Store, base: Evidence | None, candidate: Evidence, approvals: Collection[str] = ()) -> Review:
    """Judge a change. Errors end in `Review.reason`; nothing is raised.

    Args:
        store: the source of both sides' files.
        base: main; None on a repository's first run, which is judged by floors alone.
        candidate: the change.
        approvals: rules of `outcome.APPROVABLE` that a person waives.
    """
    result = Review(base.revision if base else None, candidate.revision, approvals)
    try:
        _judge(store, base, candidate, result)
    except VerdictError as error:
        result.reason = error
    except OSError as error:
        remedy = "check that the path exists, is readable, and that the disk has room (df -h .)"
        where = str(error.filename) if error.filename is not None else "file system"
        result.reason = VerdictError(where, error.strerror or str(error), remedy)
    except Exception as error:  # a crash is never a pass
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        result.reason = VerdictError("review", what, "this is a defect of the review: report it with the lines above")
    return result


def _judge(store: Store, base: Evidence | None, candidate: Evidence, result: Review) -> None:
    revision, policy = candidate.revision, policy_of((base or candidate).revision)
    result.policy, result.metric = policy, (base or candidate).headline
    result.changes = param_changes(base.revision, revision) if base else []
    result.rules.append(_approvable(result, provenance.policy(result.changes, policy_error(revision))))
    result.findings, rule = lock.rule(store, revision, policy)
    result.rules.append(rule)
    result.seconds_per_1000 = candidate.verify()
    old, new = reported(store, base.revision if base else Revision(store.root, "HEAD", "HEAD"), revision)
    result.figures = metrics_by_slice(candidate.predictions, candidate.labels, bins_of(revision))
    optional = not_yet_reported(old, base.labels, result.metric) if base else frozenset()
    validation = recompute_validation(candidate, optional)
    expected, approved = metrics_document(result.figures, candidate.labels), "policy" in result.approvals
    result.rules.append(figures_rule(new, expected, candidate, validation, approved))
    result.rules.append(provenance.documents(candidate))
    rows = test_rows(base, candidate)
    result.rules.append(provenance.file_rule(rows))
    if base:
        settings = settings_of(base, policy)
        result.base_figures = metrics_by_slice(base.predictions, base.labels, settings.bins)
        if wrong := mismatches(old, metrics_document(result.base_figures, base.labels), base.revision, optional):
            where = f"{EVALUATION} of {base.revision.name}"
            raise VerdictError(where, f"not the figures of its predictions: {wrong[0]}", "dvc repro evaluate on main")
        result.rules.extend(_data_rules(store, base.revision, result, rows))
        result.rules.append(duplicates.rule(base, candidate, result.approvals))
        result.comparison = compare(base, candidate, settings, rows)
        result.shared = compare_on_shared(base, candidate, settings, rows)
        result.unapproved = on_unapproved(base, candidate, settings.bins, rows)
        result.rules.append(leak.rule(base, candidate, settings, result.comparison.unchanged))
    else:
        settings_of(candidate, policy).require_metrics(candidate.labels, "rating" in candidate.predictions)
    result.seeds = validation.seeds(policy.seeds.at_least, result.metric)
    result.rules.extend(_model_rules(policy, base, candidate, result, rows))


def _data_rules(store: Store, base: Revision, result: Review, rows: TestRows) -> Iterator[Rule]:
    """The rules on the rows' labels, text and split; a person may approve both."""
    derived, changed_rows = (
        compare_with_derived(store, base, result.candidate),
        row_changes(store, base, result.candidate),
    )
    yield _approvable(result, provenance.data(result.changes, derived, changed_rows, rows))
    yield _approvable(result, provenance.split(result.changes, changed_rows))


def _model_rules(
    policy: Gate, base: Evidence | None, candidate: Evidence, result: Review, rows: TestRows
) -> Iterator[Rule]:
    """The rules on the model itself, on the judged rows."""
    metric, same = result.metric, rules.same_artifact(base, candidate)
    unchanged = result.comparison is not None and result.comparison.unchanged
    figures = _figures_on(candidate, result.figures, rows.judged)
    base_figures = _figures_on(base, result.base_figures, rows.base_rows) if base else {}

    def excused(group: str, metric: str, floor: float) -> bool:
        return unchanged or (same and base_figures.get(group, {}).get(metric, -1.0) < floor)

    if base:
        yield from rules.worse(policy, result.differences, metric, list(figures), unchanged)
    yield from rules.floors(policy, figures, result.differences, metric, excused)
    yield from rules.seeds(policy, result.seeds, metric, unchanged or same)
    yield rules.size(policy, base, candidate, unchanged)
    yield rules.speed(policy, base, candidate, result.seconds_per_1000 or 0.0, unchanged)


def _figures_on(side: Evidence, on_all: MetricsBySlice, rows: Mask) -> MetricsBySlice:
    """A side's figures on some of its test rows."""
    return on_all if rows.all() else metrics_by_slice(side.predictions[rows], side.labels, bins_of(side.revision))


def settings_of(base: Evidence, policy: Gate) -> ComparisonSettings:
    """The settings of a comparison, by the base's params alone."""
    named, floored = frozenset(policy.claims(base.headline)), frozenset(policy.floors_of(base.headline))
    bins = bins_of(base.revision)
    return ComparisonSettings(policy.confidence, policy.resamples, policy.seed, bins, base.headline, named, floored)


def _approvable(result: Review, rule: Rule) -> Rule:
    if rule.passed:
        return rule
    approved = rule.name in result.approvals
    remedy = f"take it back, or {rules.BY_PERSON.format(rule.name)}"
    return replace(rule, passed=approved, remedy=remedy, approved=approved)
