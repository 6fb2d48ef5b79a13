"""The first line of a verdict: the rules that decided, and the model's change by every metric."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.review.predictions import LABELS, predicted, truth, with_probabilities
from verdict.base.errors import VerdictError
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import metrics_by_slice
from verdict.repo.revisions import Revision
from verdict.review.compare import Comparison
from verdict.review.compare import compare_tables as compare_labelled
from verdict.review.gate import Review
from verdict.review.report.markup import render
from verdict.review.report.sections import SECTIONS
from verdict.review.rules.rule import Rule
from verdict.review.settings import ComparisonSettings

SETTINGS = ComparisonSettings(confidence=0.95, resamples=2000, seed=1, bins=10, headline="weighted_f1")
MAIN, CANDIDATE = Revision(Path(), "main", "0" * 40), Revision(Path(), "the working tree", "1" * 40)
PASSES = Rule("lock", "requirement", True, "consistent")
SIZE = Rule("size", "requirement", False, "91.0 MB", brief="91.0 MB, at most 20 MB")
WORSE_OVERALL = Rule("worse:overall", "requirement", False, "0.8 → 0.7")


def compare_tables(base: pd.DataFrame, candidate: pd.DataFrame, plan: ComparisonSettings) -> Comparison:
    """Two models of the same three classes."""
    return compare_labelled(base, candidate, LABELS, plan)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Labelled rows of two slices."""
    return truth(np.random.default_rng(21), {"films": 400, "books": 60})


@pytest.fixture(scope="module")
def main_model(table: pd.DataFrame) -> pd.DataFrame:
    """Main's predictions."""
    return predicted(table, np.random.default_rng(5), 0.8)


def surer(model: pd.DataFrame, power: float, name: str = "") -> pd.DataFrame:
    """The same classes with other probabilities: not one prediction changes, log loss and calibration do."""
    values = model[list(LABELS)].to_numpy()
    powers = np.where((model["slice"] == name) | (not name), power, 1.0)[:, None]
    raised = values**powers
    return with_probabilities(model, raised / raised.sum(axis=1, keepdims=True))


def judged(comparison: Comparison | None, *rules: Rule, **given: object) -> Review:
    """A verdict on a change with this comparison."""
    review = Review(
        MAIN if comparison else None,
        CANDIDATE,
        rules=list(rules) or [PASSES],
        comparison=comparison,
        metric="weighted_f1",
    )
    return replace(review, **given)  # type: ignore[arg-type]


def shouted(review: Review) -> str:
    """The heading of the report."""
    return render(SECTIONS("verdict", review)).partition("</h2>")[0].removeprefix("<h2>")


def test_a_loss_by_other_metrics_is_said_in_the_first_line(main_model: pd.DataFrame) -> None:
    """Where no class changed but probabilities did, the line names log loss and calibration, for worse or better."""
    lost = judged(compare_tables(main_model, surer(main_model, 6.0), SETTINGS))
    claim = "no measurable difference in weighted F1; worse in log loss, calibration error"
    assert lost.headline.startswith(f"Pass: {claim}")
    assert shouted(lost).startswith(f"✅ Pass: {claim}")
    won = judged(compare_tables(surer(main_model, 6.0), main_model, SETTINGS))
    assert won.headline.startswith(
        "Pass: no measurable difference in weighted F1; better in log loss, calibration error"
    )


def test_a_loss_in_one_slice_is_said_with_its_name(main_model: pd.DataFrame) -> None:
    """A metric that is worse in books alone is told with the slice, and nothing is said of it overall."""
    claim = judged(compare_tables(main_model, surer(main_model, 6.0, "books"), SETTINGS)).claim
    assert claim.startswith("no measurable difference in weighted F1; worse in log loss")
    assert "calibration error (books)" in claim


def test_what_the_headline_metric_says_is_not_said_again(table: pd.DataFrame, main_model: pd.DataFrame) -> None:
    """A model that is worse by every metric is worse; one that is better but for its log loss is told with that."""
    poor = predicted(table, np.random.default_rng(5), 3.0)
    assert judged(compare_tables(main_model, poor, SETTINGS)).claim == "worse overall and in films, books"
    inside = (table["slice"] == "films").to_numpy()[:, None]
    mixed = np.where(inside, poor[list(LABELS)], surer(main_model, 6.0)[list(LABELS)])
    partly = judged(compare_tables(main_model, with_probabilities(table, mixed), SETTINGS))
    assert partly.comparison.difference("books", "log_loss").verdict == "worse"  # type: ignore[union-attr]
    assert partly.claim == "worse overall and in films"
    claim = judged(compare_tables(poor, surer(main_model, 30.0), SETTINGS)).claim
    assert claim == "better overall and in films, books; worse in log loss"


def test_rounding_is_no_difference(main_model: pd.DataFrame) -> None:
    """All probabilities moved a little the same way, as on another processor, are neither better nor worse."""
    moved = judged(compare_tables(main_model, surer(main_model, 1 + 1e-6), SETTINGS))
    assert not moved.comparison.unchanged  # type: ignore[union-attr]
    assert moved.claim == "no measurable difference"


def test_slices_that_come_and_go_are_said(main_model: pd.DataFrame) -> None:
    """A slice that only one side tests is named, on whichever side it is."""
    figures = metrics_by_slice(main_model, LABELS, 10)
    base_figures = {OVERALL: figures[OVERALL], "films": figures["films"], "tweets": figures["books"]}
    comparison = replace(compare_tables(main_model, surer(main_model, 1 + 1e-6), SETTINGS), test_changed=True)
    claim = judged(comparison, figures=figures, base_figures=base_figures).claim
    assert claim.endswith("; new: books; no longer tested: tweets")


FAILURES = {
    "size": ((SIZE,), "Fail, size (91.0 MB, at most 20 MB)"),
    "worse": ((WORSE_OVERALL,), "Fail, worse:overall"),
    "two": ((WORSE_OVERALL, SIZE), "Fail, worse:overall, size (91.0 MB, at most 20 MB)"),
    "many": ((SIZE,) * 7, f"Fail, {', '.join(['size (91.0 MB, at most 20 MB)'] * 3)} and 4 more"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_decided_comes_first(main_model: pd.DataFrame, name: str) -> None:
    """A failure begins with the rules that failed and their figures; the heading leaves out what the claim says."""
    rules, begin = FAILURES[name]
    review = judged(compare_tables(main_model, surer(main_model, 1 + 1e-6), SETTINGS), PASSES, *rules)
    assert review.headline.startswith(f"{begin}: no measurable difference; weighted F1 0.")
    named = "Fail" if name == "worse" else begin
    assert shouted(review) == f"❌ {named}: no measurable difference"


def test_the_first_line_without_a_comparison(main_model: pd.DataFrame) -> None:
    """A first run says that it is one, an unchanged model that it is, and no judgement why there is none."""
    first = judged(None, figures=metrics_by_slice(main_model.head(1), LABELS, 10))
    assert first.headline.startswith("Pass: first run, judged by floors alone; weighted F1")
    assert first.headline.endswith("on 1 test row")
    same = judged(compare_tables(main_model, main_model, SETTINGS))
    assert same.headline.startswith("Pass: unchanged, every prediction is main's; weighted F1")
    none = judged(None, SIZE, reason=VerdictError("dvc.lock", "no such file", "dvc repro"))
    assert none.headline == "Cannot judge: dvc.lock: no such file"
    assert shouted(none) == "⚠️ Cannot judge"
