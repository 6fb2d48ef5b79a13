"""The rules on the origin of rows and artifact: labels, texts, splits, the test set, and the training data."""

from collections.abc import Sequence

import pandas as pd

from verdict.base.paths import ARTIFACT, TEST_SET
from verdict.review.data import CHANGED, changes_by_split
from verdict.review.derive import Derived
from verdict.review.evidence import Evidence
from verdict.review.policy import ParamChange, watched_changes
from verdict.review.rules.rule import Rule
from verdict.review.testset import WRITE, TestRows
from verdict.review.words import counted, first_few


def policy(changes: list[ParamChange], policy_error: str = "") -> Rule:
    """The gate's policy and the limits of `validate` are main's; `policy_error` is the defect of the candidate's."""
    watched = watched_changes(changes, "policy")
    requirement = "the rules of the gate and the limits of validate are main's"
    reasons = _key_lines(watched)
    if watched and policy_error:
        reasons.append(f"main's code cannot judge by it: {policy_error}")
    return _rule("policy", requirement, reasons, "as on main", [change.key for change in watched])


def data(changes: list[ParamChange], derived: Derived, rows: pd.DataFrame | None, test: TestRows) -> Rule:
    """Every row of main keeps its split, text and label, and all tables are those of main's code.

    Rows that are only added need no approval: the rules apply to approved test rows.
    """
    requirement = "rows keep their label, text, group and split; all tables are those that main's code derives"
    is_split_changed = bool(watched_changes(changes, "split"))
    reasons = _key_lines(watched_changes(changes, "data"))
    if derived.differences:
        reasons.append(f"not what main's code derives: {', '.join(derived.differences)}")
    reasons += _counts(rows, CHANGED if is_split_changed else (*CHANGED, "moved"))
    if entering := len(test.newly_approved - (_moved(rows) if is_split_changed else frozenset())):
        reasons.append(f"{counted(entering, 'test row')} would become approved")
    if test.no_longer_approved:
        reasons.append(f"{counted(len(test.no_longer_approved), 'test row')} would be approved no more")
    passed = "; ".join([*(_counts(rows, ("added",)) or ["as on main"]), derived.source])
    return _rule("data", requirement, reasons, passed, reasons)


def split(changes: list[ParamChange], rows: pd.DataFrame | None) -> Rule:
    """Rows are assigned to splits as on main."""
    watched = watched_changes(changes, "split")
    reasons = [*_key_lines(watched), *(_counts(rows, ("moved",)) if watched else [])]
    requirement = "rows are dealt to train, validation and test as on main"
    return _rule("split", requirement, reasons, "as on main", [change.key for change in watched])


def file_rule(rows: TestRows) -> Rule:
    """The candidate's file names rows of its own test split alone, so that an approved change takes it along."""
    requirement = f"{TEST_SET} names rows of the test split alone"
    finding = f"{counted(int(rows.judged.sum()), 'approved row')} of {len(rows.judged):,}"
    if not rows.has_file:
        finding = f"no {TEST_SET}: all test rows of main are approved"
    if rows.unmatched:
        finding = f"{counted(rows.unmatched, 'name')} without a row"
    brief = finding if rows.unmatched else ""
    return Rule("test-file", requirement, not rows.unmatched, finding, f"{WRITE}, and commit {TEST_SET}", brief=brief)


def documents(candidate: Evidence) -> Rule:
    """The artifact's manifest is true: the comparison of the next change relies on it."""
    requirement = f"{ARTIFACT} names the tables, groups, labels and text of the prepared data that it learnt from"
    wrong = candidate.false_training_claims()
    finding = "; ".join(wrong) or "documents.json, trained_on, labels and text are those of the data"
    return Rule("documents", requirement, not wrong, finding, "dvc repro -f featurize train", brief=first_few(wrong, 1))


def _rule(name: str, requirement: str, reasons: Sequence[str], passed: str, brief: Sequence[str]) -> Rule:
    return Rule(name, requirement, not reasons, "; ".join(reasons) or passed, brief=first_few(brief, 2))


def _key_lines(changes: list[ParamChange]) -> list[str]:
    return [f"{change.key}: {change.base!r} → {change.candidate!r}" for change in changes]


def _counts(rows: pd.DataFrame | None, kinds: Sequence[str]) -> list[str]:
    """The number of rows of each split with some kinds of change, one line each."""
    changes = [] if rows is None else changes_by_split(rows)
    return [f"{change.split}: {change.count:,} {change.kind}" for change in changes if change.kind in kinds]


def _moved(rows: pd.DataFrame | None) -> frozenset[str]:
    """The ids of the rows that moved to another split."""
    return frozenset() if rows is None else frozenset(rows["id"][rows["moved"]])
