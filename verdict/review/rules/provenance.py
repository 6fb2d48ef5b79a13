"""The rules on where rows and artifact come from: what labels mean, how rows are drawn, what the model learnt from."""

from collections.abc import Sequence

import pandas as pd

from verdict.base.paths import ARTIFACT, TEST_SET
from verdict.review.data import CHANGED, changes_by_split
from verdict.review.derive import Derived
from verdict.review.evidence import Evidence
from verdict.review.policy import ParamChange, watched_changes
from verdict.review.rules.model import Rule
from verdict.review.testset import WRITE, TestRows
from verdict.review.words import counted, first_few


def policy(changes: list[ParamChange], policy_error: str = "") -> Rule:
    """The rules of the gate, and the limits of `validate`, stay as they are.

    Args:
        changes: of params.yaml.
        policy_error: why main's code would refuse to judge by the candidate's policy.
    """
    touched = watched_changes(changes, "policy")
    requirement = "the rules of the gate and the limits of validate are main's"
    found = [
        *_keys(touched),
        *([f"main's code cannot judge by it: {policy_error}"] if touched and policy_error else []),
    ]
    return _rule("policy", requirement, found, "as on main", [change.key for change in touched])


def data(changes: list[ParamChange], made: Derived, rows: pd.DataFrame | None, test: TestRows) -> Rule:
    """Every row of main keeps its split, text and label, and all tables are those of main's code.

    Rows that are only added need no approval: the rules are asked of those that are approved.

    Args:
        changes: of params.yaml.
        made: how the change's tables differ from those of main's code.
        rows: of both sides, compared; None where they are the same.
        test: the rows that count, and what the change does to them.
    """
    requirement = "rows keep their label, text, group and split; all tables are those that main's code derives"
    is_dealt_anew = bool(watched_changes(changes, "split"))
    found = _keys(watched_changes(changes, "data"))
    if made.differences:
        found.append(f"not what main's code derives: {', '.join(made.differences)}")
    found += _counts(rows, CHANGED if is_dealt_anew else (*CHANGED, "moved"))
    if entering := len(test.enter - _moved(rows)) if is_dealt_anew else len(test.enter):
        found.append(f"{counted(entering, 'test row')} would become approved")
    if test.leave:
        found.append(f"{counted(len(test.leave), 'test row')} would be approved no more")
    passed = "; ".join([*(_counts(rows, ("added",)) or ["as on main"]), made.source])
    return _rule("data", requirement, found, passed, found)


def split(changes: list[ParamChange], rows: pd.DataFrame | None) -> Rule:
    """Rows are drawn as on main."""
    touched = watched_changes(changes, "split")
    found = [*_keys(touched), *(_counts(rows, ("moved",)) if touched else [])]
    requirement = "rows are dealt to train, validation and test as on main"
    return _rule("split", requirement, found, "as on main", [change.key for change in touched])


def file_rule(rows: TestRows) -> Rule:
    """The candidate's file names rows of its own test split alone, so that an approved change takes it along."""
    requirement = f"{TEST_SET} names rows of the test split alone"
    found = f"{counted(int(rows.counts.sum()), 'approved row')} of {len(rows.counts):,}"
    if not rows.has_file:
        found = f"no {TEST_SET}: all test rows of main are approved"
    if rows.unknown:
        found = f"{counted(rows.unknown, 'name')} without a row"
    brief = found if rows.unknown else ""
    return Rule("test-file", requirement, not rows.unknown, found, f"{WRITE}, and commit {TEST_SET}", brief=brief)


def documents(candidate: Evidence) -> Rule:
    """The artifact tells the truth about itself: what the next change is compared on rests on that."""
    requirement = f"{ARTIFACT} names the tables, groups, labels and text of the prepared data that it learnt from"
    wrong = candidate.false_training_claims()
    found = "; ".join(wrong) or "documents.json, trained_on, labels and text are those of the data"
    return Rule("documents", requirement, not wrong, found, "dvc repro -f featurize train", brief=first_few(wrong, 1))


def _rule(name: str, requirement: str, found: Sequence[str], passed: str, brief: Sequence[str]) -> Rule:
    return Rule(name, requirement, not found, "; ".join(found) or passed, brief=first_few(brief, 2))


def _keys(touched: list[ParamChange]) -> list[str]:
    return [f"{change.key}: {change.base!r} → {change.candidate!r}" for change in touched]


def _counts(rows: pd.DataFrame | None, kinds: Sequence[str]) -> list[str]:
    found = [] if rows is None else [move for move in changes_by_split(rows) if move.kind in kinds]
    return [f"{move.split}: {move.count:,} {move.kind}" for move in found]


def _moved(rows: pd.DataFrame | None) -> frozenset[str]:
    return frozenset() if rows is None else frozenset(rows["id"][rows["moved"]])
