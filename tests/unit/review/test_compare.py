"""The comparison of two tables of predictions: words, families of intervals, counts, and what a test set can show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tests.unit.review.predictions import LABELS, of_classes, of_two, predicted, truth, with_probabilities
from verdict.base.errors import VerdictError
from verdict.classifier.params.metric_names import OVERALL, metrics_of
from verdict.classifier.scores import metrics as classifier_metrics
from verdict.repo.revisions import Revision
from verdict.review import reported_metrics
from verdict.review.compare import BETTER, SAME, UNDEFINED, WORSE, Comparison, Difference
from verdict.review.compare import compare_tables as compare_labelled
from verdict.review.settings import MOST_SLICES, ComparisonSettings, levels
from verdict.review.testset import left_out_counts
from verdict.review.truth import extended_to_labels

HEADLINE = "weighted_f1"
METRICS = metrics_of(3, rated=True)
SETTINGS = ComparisonSettings(confidence=0.95, resamples=2000, seed=1, bins=10, headline=HEADLINE)
SLICES = {"films": 400, "books": 60}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Labelled rows of two slices."""
    return truth(np.random.default_rng(21), SLICES)


def compare_tables(base: pd.DataFrame, candidate: pd.DataFrame, settings: ComparisonSettings) -> Comparison:
    """Two models of the same three classes."""
    return compare_labelled(base, candidate, LABELS, settings)


def model(table: pd.DataFrame, noise: float, seed: int = 5) -> pd.DataFrame:
    """A model that sees the truth through noise; models of one seed err alike."""
    return predicted(table, np.random.default_rng(seed), noise)


def worse_in_films(table: pd.DataFrame) -> pd.DataFrame:
    """A good model whose predictions for films, and only for these, come from a bad one."""
    good, bad = model(table, 0.5), model(table, 3.0)
    inside = (table["slice"] == "films").to_numpy()
    return with_probabilities(table, np.where(inside[:, None], bad[list(LABELS)], good[list(LABELS)]))


def test_a_loss_in_one_slice_is_called_worse_there_alone(table: pd.DataFrame) -> None:
    """A model that lost in films is worse overall and in films, and not in books; exchanged, it is better."""
    comparison = compare_tables(model(table, 0.5), worse_in_films(table), SETTINGS)
    words = {name: comparison.difference(name).verdict for name in (OVERALL, *comparison.slices)}
    assert words == {OVERALL: WORSE, "films": WORSE, "books": SAME}
    back = compare_tables(worse_in_films(table), model(table, 0.5), SETTINGS)
    assert {back.difference(OVERALL).verdict, back.difference("films").verdict} == {BETTER}


def test_less_is_better_for_losses(table: pd.DataFrame) -> None:
    """A log loss that rises is worse, one that falls is better."""
    comparison = compare_tables(model(table, 0.5), model(table, 3.0), SETTINGS)
    line = comparison.difference(OVERALL, "log_loss")
    assert line.difference > 0
    assert line.verdict == WORSE
    assert (
        compare_tables(model(table, 3.0), model(table, 0.5), SETTINGS).difference(OVERALL, "log_loss").verdict == BETTER
    )


def test_a_word_follows_from_its_interval_alone(table: pd.DataFrame) -> None:
    """Intervals that exclude 0 are better or worse, all others are not; the difference is candidate − base."""
    comparison = compare_tables(model(table, 0.9), model(table, 1.0), SETTINGS)
    for line in comparison.differences:
        assert (line.verdict == SAME) == (line.low <= 0 <= line.high), line
        assert line.difference == pytest.approx(line.candidate - line.base)


def test_intervals_of_a_family_hold_together() -> None:
    """The levels of the headline, overall and by slice, multiply to the plan's; so do those of the other metrics."""
    five = levels(SETTINGS, dict.fromkeys((OVERALL, *"abcd"), METRICS))
    assert five[OVERALL, HEADLINE] ** 5 == five["d", HEADLINE] ** 5 == pytest.approx(0.95)
    assert five[OVERALL, "mcc"] ** (5 * (len(METRICS) - 1)) == pytest.approx(0.95)
    assert levels(SETTINGS, {OVERALL: METRICS})[OVERALL, HEADLINE] == 0.95
    assert levels(replace(SETTINGS, headline="mcc"), {OVERALL: METRICS})[OVERALL, "mcc"] == 0.95


def test_what_the_policy_names_joins_the_headlines_family(table: pd.DataFrame) -> None:
    """A metric that the policy names makes the gate's family larger by one, in the groups that there are, alone."""
    named = frozenset({(OVERALL, "log_loss"), (OVERALL, HEADLINE), ("gone", "ece")})
    comparison = compare_tables(model(table, 0.9), model(table, 1.0), replace(SETTINGS, named=named))
    for line in comparison.differences:
        joined = line.metric == HEADLINE or (line.group, line.metric) == (OVERALL, "log_loss")
        size = 4 if joined else 3 * len(METRICS) - 4
        assert line.confidence**size == pytest.approx(0.95), line


def test_with_the_headline_metric_alone_intervals_are_as_without_a_policy(table: pd.DataFrame) -> None:
    """A policy that names the metric that the headline is about anyway widens nothing."""
    named = replace(SETTINGS, named=frozenset((group, HEADLINE) for group in (OVERALL, *SLICES)))
    pair = (model(table, 0.9), model(table, 1.0))
    assert compare_tables(*pair, named).differences == compare_tables(*pair, SETTINGS).differences


def test_one_group_shows_nothing(table: pd.DataFrame) -> None:
    """A slice of one group, however different its predictions, is neither better nor worse, and shows no loss."""
    single = table.assign(group=table["group"].where(table["slice"] != "books", "books-0"))
    for base, candidate in ((0.5, 3.0), (3.0, 0.5)):
        comparison = compare_tables(model(single, base), model(single, candidate), SETTINGS)
        assert {comparison.difference("books", metric).verdict for metric in METRICS} == {SAME}
        assert comparison.difference("books").low == -1
        books = next(group for group in comparison.groups if group.name == "books")
        assert (books.clusters, books.detectable) == (1, None)


def test_a_metric_without_a_value_is_said_to_have_none(table: pd.DataFrame) -> None:
    """One rating, or one class, for all rows of a slice leaves no correlation, or no MCC; others have a value."""
    inside = table["slice"] == "books"
    flat = table.assign(rating=table["rating"].where(~inside, 1.0))
    of_one = flat.assign(label=table["label"].where(~inside, "high"))
    for truths, missing in ((table, set()), (flat, {"rating_r"}), (of_one, {"rating_r", "mcc"})):
        comparison = compare_tables(model(truths, 0.5), model(truths, 3.0), SETTINGS)
        undefined = {(line.group, line.metric) for line in comparison.differences if line.verdict == UNDEFINED}
        assert undefined == {("books", metric) for metric in missing}


def test_counts_are_those_of_mcnemar(table: pd.DataFrame) -> None:
    """Fixed and broken are counted by row, and the p-value is that of an exact binomial test."""
    base, candidate = model(table, 0.8), model(table, 1.2, seed=6)
    group = compare_tables(base, candidate, SETTINGS).groups[0]
    right = [np.asarray(LABELS)[t[list(LABELS)].to_numpy().argmax(axis=1)] == t["label"] for t in (base, candidate)]
    assert group.fixed == int((right[1] & ~right[0]).sum()) > 0
    assert group.broken == int((right[0] & ~right[1]).sum()) > 0
    expected = scipy.stats.binomtest(group.fixed, group.fixed + group.broken).pvalue
    assert group.p_value == pytest.approx(expected)


def test_the_visible_loss_is_what_nine_of_ten_test_sets_would_show(table: pd.DataFrame) -> None:
    """With normal errors, a loss of the stated size is below the bound of its interval in 90 % of the cases."""
    comparison = compare_tables(model(table, 0.8), model(table, 0.9), SETTINGS)
    group, line = comparison.groups[0], comparison.difference(OVERALL)
    quantile = scipy.stats.norm.ppf((1 + line.confidence) / 2)
    error = (line.high - line.low) / (2 * quantile)
    reach = quantile * error
    assert group.detectable is not None
    assert scipy.stats.norm.cdf((group.detectable - reach) / error) == pytest.approx(0.9, abs=0.03)


def test_identical_predictions_are_unchanged(table: pd.DataFrame) -> None:
    """The same probabilities are unchanged; one that differs in the last digit is not."""
    same = compare_tables(model(table, 1.0), model(table, 1.0), SETTINGS)
    assert same.unchanged
    assert all(line.difference == 0 and line.verdict == SAME for line in same.differences)
    values = model(table, 1.0)[list(LABELS)].to_numpy(copy=True)
    values[3, 0] = np.nextafter(values[3, 0], 1)
    other = with_probabilities(table, values)
    assert not compare_tables(model(table, 1.0), other, SETTINGS).unchanged


def test_main_is_not_asked_about_what_it_learnt(table: pd.DataFrame) -> None:
    """Up to a tenth of the rows may be known to main; with more, even in one slice, there is no judgement."""
    known, main = np.zeros(len(table), dtype=bool), Revision(Path(), "main", "0" * 40)
    known[:10] = True
    assert left_out_counts(table, known, main) == {OVERALL: 10, "films": 10, "books": 0}
    books = np.flatnonzero((table["slice"] == "books").to_numpy())
    known[books[: len(books) // 5]] = True
    with pytest.raises(VerdictError, match=r"the model of main .*\(books\)") as error:
        left_out_counts(table, known, main)
    assert f"git checkout {main.commit} -- " in error.value.remedy


def test_without_slices_the_family_is_one_claim() -> None:
    """A table without slices and ratings has one group, whose headline interval holds with the whole confidence."""
    labels = ("ham", "spam")
    base, candidate = (of_classes(np.random.default_rng(seed), 300, labels) for seed in (1, 2))
    comparison = compare_labelled(base, candidate, labels, SETTINGS)
    assert (comparison.slices, [group.name for group in comparison.groups]) == ((), [OVERALL])
    assert [line.metric for line in comparison.differences] == list(metrics_of(2, rated=False))
    assert comparison.difference(OVERALL).confidence == 0.95
    assert comparison.groups[0].clusters == 300


def test_another_metric_may_decide(table: pd.DataFrame) -> None:
    """The headline metric is the one that `of` gives, whose family it is, and whose loss is said to be visible."""
    base, candidate = (of_two(model(table, noise)) for noise in (0.8, 1.2))
    settings = replace(SETTINGS, headline="average_precision")
    comparison = compare_labelled(base, candidate, ("other", "high"), settings)
    line = comparison.difference(OVERALL)
    assert (comparison.headline, line.metric) == ("average_precision", "average_precision")
    assert line.confidence == pytest.approx(0.95 ** (1 / 3))
    by_f1 = compare_labelled(base, candidate, ("other", "high"), SETTINGS)
    assert by_f1.difference(OVERALL, "average_precision").confidence > line.confidence
    assert comparison.groups[0].detectable != by_f1.groups[0].detectable


def test_what_is_named_of_one_class_is_compared_and_no_other(table: pd.DataFrame) -> None:
    """A class's recall that the policy fails a change for is compared in that group, and one with a floor, too."""
    settings = replace(SETTINGS, named=frozenset({("films", "recall:low")}), floored=frozenset({(OVERALL, "f1:high")}))
    comparison = compare_tables(model(table, 0.5), model(table, 3.0), settings)
    of_class = {(line.group, line.metric): line for line in comparison.differences if ":" in line.metric}
    assert set(of_class) == {("films", "recall:low"), (OVERALL, "f1:high")}
    assert of_class["films", "recall:low"].confidence == pytest.approx(0.95 ** (1 / 4))
    assert of_class[OVERALL, "f1:high"].confidence == pytest.approx(0.95 ** (1 / (3 * len(METRICS) + 2 - 4)))
    assert of_class["films", "recall:low"].verdict == WORSE


def test_a_class_that_no_row_has_has_no_recall(table: pd.DataFrame) -> None:
    """Where the truth lacks a class, a metric of it is said to have no value, and no loss."""
    kept = table[(table["slice"] != "films") | (table["label"] != "low")].reset_index(drop=True)
    settings = replace(SETTINGS, named=frozenset((group, "recall:low") for group in (OVERALL, *SLICES)))
    comparison = compare_tables(model(kept, 0.5), model(kept, 3.0), settings)
    assert {group: comparison.difference(group, "recall:low").verdict for group in (OVERALL, *SLICES)} == {
        OVERALL: WORSE,
        "films": UNDEFINED,
        "books": WORSE,
    }


def test_a_change_that_adds_a_class_is_compared(table: pd.DataFrame) -> None:
    """Main never predicts a class that it does not know, and is compared with a candidate that does."""
    old = of_two(model(table, 0.5)).assign(label=table["label"])
    both = extended_to_labels(old, ("other", "high"), (*LABELS, "other"))
    new = extended_to_labels(model(table, 0.5), LABELS, (*LABELS, "other"))
    comparison = compare_labelled(both, new, (*LABELS, "other"), SETTINGS)
    assert not comparison.unchanged
    assert comparison.difference(OVERALL).verdict == BETTER
    assert set(comparison.rows["base"]) == {"other", "high"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(SETTINGS, headline="roc_auc"), "the data has no roc_auc; there is weighted_f1, "),
        (replace(SETTINGS, named=frozenset({(OVERALL, "recall:spam")})), "the data has no recall:spam"),
        (replace(SETTINGS, floored=frozenset({("films", "average_precision")})), "the data has no average_precision"),
    ],
)
def test_a_metric_that_the_data_does_not_have_is_refused(
    table: pd.DataFrame, settings: ComparisonSettings, message: str
) -> None:
    """One of two classes where there are three, one of a class that is none, and of ratings where there is none."""
    with pytest.raises(VerdictError, match=message):
        compare_tables(model(table, 0.5), model(table, 0.6), settings)
    unrated = model(table, 0.5).drop(columns="rating")
    with pytest.raises(VerdictError, match="the data has no rating_r"):
        compare_tables(unrated, unrated, replace(SETTINGS, headline="rating_r"))


def test_a_column_of_ids_is_no_slice(table: pd.DataFrame) -> None:
    """More slices than anybody reads, and memory holds, are refused by number."""
    many = model(table.assign(slice=[f"s{number}" for number in range(len(table))]), 0.5)
    with pytest.raises(VerdictError, match=rf"slices in .*; at most {MOST_SLICES} are compared"):
        compare_tables(many, many, SETTINGS)


@pytest.mark.parametrize(
    ("metric", "bounds", "verdict", "tolerance", "lost"),
    [
        ("accuracy", (-0.05, -0.02), WORSE, 0.0, True),
        ("accuracy", (-0.05, -0.02), WORSE, 0.02, False),
        ("accuracy", (-0.05, -0.02), WORSE, 0.019, True),
        ("accuracy", (-0.05, 0.01), SAME, 0.0, False),
        ("accuracy", (0.02, 0.05), BETTER, 0.0, False),
        ("log_loss", (0.02, 0.05), WORSE, 0.019, True),
        ("log_loss", (0.02, 0.05), WORSE, 0.03, False),
        ("accuracy", (-0.05, -0.02), UNDEFINED, 0.0, False),
    ],
)
def test_a_loss_that_may_be_is_none(
    metric: str, bounds: tuple[float, float], verdict: str, tolerance: float, lost: bool
) -> None:
    """A loss counts where the whole interval lies beyond the tolerance, of more and of less that is better."""
    line = Difference("overall", metric, 0.5, 0.5, sum(bounds) / 2, *bounds, 0.95, verdict)
    assert line.lost_more_than(tolerance) == lost


def test_figures_are_checked_to_the_digits_of_the_file() -> None:
    """The tolerance between a metrics file and its predictions is below one step of the file's last digit but one."""
    assert 10.0**-classifier_metrics.DIGITS < reported_metrics.TOLERANCE < 10.0 ** (1 - classifier_metrics.DIGITS)


def test_json_holds_no_row_and_all_figures(table: pd.DataFrame) -> None:
    """The JSON has every group and difference, and neither text nor ids."""
    document = compare_tables(model(table, 0.9), model(table, 1.0), SETTINGS).as_json()
    assert set(document["groups"]) == {OVERALL, *SLICES}
    assert len(document["differences"]) == len(METRICS) * 3
    assert "films-1" not in str(document)
