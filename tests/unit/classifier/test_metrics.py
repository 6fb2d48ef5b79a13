"""Tests of verdict/classifier/scores/metrics.py, against values worked out by hand or by scikit-learn."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import metrics as reference

from tests.unit.classifier.made_up_rows import THREE, made_up, repeated
from verdict.classifier.params.metric_names import class_metric_names, known_metric, metrics_of
from verdict.classifier.scores import metrics
from verdict.classifier.scores.metrics import Ranking, ScoredRows, Sums, compute_metrics

ACTUAL = np.array([0, 0, 1, 2, 2, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.0, 0.1, 0.9]]
)
RATING = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
PREDICTED = PROBABILITIES.argmax(axis=1)
EXAMPLE = ScoredRows(THREE, ACTUAL, PROBABILITIES, RATING)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("seed", range(2))
def test_scores_of_many_rows_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    """Of any number of classes, one of them never right, each score of all classes is scikit-learn's."""
    rows = made_up(classes, seed=seed)
    rows.probabilities[:, 0] = 0
    places, guess = list(range(classes)), rows.predicted
    assert 0 not in guess
    found = compute_metrics(rows, 15)
    f1 = {kind: reference.f1_score(rows.actual, guess, average=kind) for kind in ("weighted", "macro")}
    expected = {
        "weighted_f1": f1["weighted"],
        "macro_f1": f1["macro"],
        "accuracy": reference.accuracy_score(rows.actual, guess),
        "mcc": reference.matthews_corrcoef(rows.actual, guess),
        "n": 600,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    whole = made_up(classes, seed=seed)
    loss = reference.log_loss(whole.actual, whole.probabilities, labels=places)
    assert compute_metrics(whole, 15)["log_loss"] == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.filterwarnings("ignore:Precision is ill-defined")
def test_scores_of_each_class_are_those_of_scikit_learn(classes: int) -> None:
    """Precision, recall, F1 and support of every class, of those that are never predicted, too."""
    rows = made_up(classes, rows=2 * classes + 20)
    rows.probabilities[:, -1] = 0
    found = compute_metrics(rows, 15)
    expected = reference.precision_recall_fscore_support(rows.actual, rows.predicted, labels=range(classes))
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [found[f"{name}:{label}"] for label in rows.labels] == pytest.approx(values.tolist())


@pytest.mark.parametrize("classes", [2, 3, 100])
@pytest.mark.parametrize("rated", [True, False], ids=["rated", "unrated"])
def test_the_metrics_are_those_that_the_names_say(classes: int, rated: bool) -> None:
    """Names and order are those of `metrics_of`, then those of each class; nothing is there that is not defined."""
    rows = made_up(classes, rated=rated)
    common, single = metrics_of(classes, rated), class_metric_names(rows.labels)
    found = compute_metrics(rows, 15)
    assert tuple(found)[: len(common)] == common
    assert set(found) == {*common, *single, *(f"support:{label}" for label in rows.labels), "n"}
    assert all(known_metric(name) == name for name in (*common, *single))


@pytest.mark.parametrize("name", ["f1", "recall:", "support:low", "valence_r", ""])
def test_a_name_of_no_metric_is_refused(name: str) -> None:
    """What is no metric, or a metric of a class that is not named, is told with those that there are."""
    with pytest.raises(ValueError, match=r"no such metric; there is weighted_f1, .*recall:LABEL"):
        known_metric(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weighted_f1", reference.f1_score(ACTUAL, PREDICTED, average="weighted")),
        ("macro_f1", reference.f1_score(ACTUAL, PREDICTED, average="macro")),
        ("accuracy", 4 / 6),
        ("mcc", reference.matthews_corrcoef(ACTUAL, PREDICTED)),
        ("log_loss", -np.log([0.8, 0.3, 0.5, 0.8, 0.2, 0.9]).mean()),
        # By hand, two bins: .4 (wrong) alone below .5, five above.
        ("ece", (1 * 0.4 + 5 * abs(0.72 - 0.8)) / 6),
        ("rating_r", np.corrcoef(PROBABILITIES[:, 2] - PROBABILITIES[:, 0], RATING)[0, 1]),
        ("recall:high", 2 / 3),
        ("precision:low", 1 / 2),
        ("support:high", 3),
        ("n", 6),
    ],
)
def test_each_score_has_its_reference_value(name: str, expected: float) -> None:
    """Each score agrees with scikit-learn or with a calculation by hand."""
    assert compute_metrics(EXAMPLE, bins=2)[name] == pytest.approx(expected, abs=1e-6)


def test_the_correlation_of_two_classes_is_that_of_the_positive_ones_probability() -> None:
    """Of two classes the rating is compared with P(second) - P(first), as of three with P(last) - P(first)."""
    rows = made_up(2, rated=True)
    assert rows.rating is not None
    expected = np.corrcoef(rows.probabilities[:, 1], rows.rating)[0, 1]
    assert compute_metrics(rows, 15)["rating_r"] == pytest.approx(expected)


@pytest.mark.parametrize("steps", [None, 8, 1], ids=["distinct", "ties", "only-ties"])
def test_a_ranking_of_two_classes_is_scored_as_by_scikit_learn(steps: int | None) -> None:
    """Area and average precision are scikit-learn's, where many rows have the same probability, too."""
    rows = made_up(2, steps=steps)
    found, positive = compute_metrics(rows, 15), rows.probabilities[:, 1]
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(rows.actual, positive), abs=1e-12)
    assert found["average_precision"] == pytest.approx(
        reference.average_precision_score(rows.actual, positive), abs=1e-12
    )


@pytest.mark.parametrize("steps", [None, 5], ids=["distinct", "ties"])
def test_counts_are_as_good_as_repeated_rows(steps: int | None) -> None:
    """What the bootstrap does, counts for each row, gives the figures of tables with the rows so often."""
    rows = made_up(2, rows=40, rated=True, steps=steps)
    counts = np.random.default_rng(0).integers(0, 4, size=(30, 40)).astype(np.float64)
    counts[:10] = 7 * np.eye(10, 40)  # one row alone has no correlation, only rounding that looks like one
    layout = Sums(rows.labels, 15, rated=True)
    columns, values = layout.of_rows(rows)
    places = (np.repeat(np.arange(40), columns.shape[1]), columns.ravel())
    added = sp.coo_matrix((values.ravel(), places), shape=(40, layout.width)).toarray()
    found = {**layout.metrics(counts @ added), **Ranking.from_rows(rows).metrics(counts)}
    for place, often in enumerate(counts):
        whole = compute_metrics(repeated(rows, often), 15)
        assert {name: values[place] for name, values in found.items()} == pytest.approx(
            {name: whole[name] for name in metrics_of(2, rated=True)}, abs=1e-9
        )


def test_a_ranking_takes_weights_as_scikit_learn_does() -> None:
    """Counts that are no whole numbers count, too."""
    rows, weights = made_up(2, steps=8), np.random.default_rng(0).random(600)
    found, positive = Ranking.from_rows(rows).metrics(weights), rows.probabilities[:, 1]
    area = reference.roc_auc_score(rows.actual, positive, sample_weight=weights)
    precision = reference.average_precision_score(rows.actual, positive, sample_weight=weights)
    assert float(found["roc_auc"]) == pytest.approx(area)
    assert float(found["average_precision"]) == pytest.approx(precision)


@pytest.mark.parametrize("only", [0, 1])
def test_a_ranking_without_one_of_the_classes_is_worth_nothing(only: int) -> None:
    """Where all rows are of one class, area and average precision are 0, not an error and not NaN."""
    rows = ScoredRows(("no", "yes"), np.full(4, only), np.full((4, 2), 0.5))
    found = compute_metrics(rows, 15)
    assert (found["roc_auc"], found["average_precision"]) == (0, 0)


def test_a_class_without_rows_costs_the_mean_and_breaks_nothing() -> None:
    """A class that neither is nor is predicted scores 0, which the unweighted mean counts and the weighted does not."""
    rows = ScoredRows(THREE, np.array([0, 2]), np.array([[0.9, 0.0, 0.1], [0.1, 0.0, 0.9]]))
    found = compute_metrics(rows, 15)
    assert (found["f1:middle"], found["support:middle"]) == (0, 0)
    assert found["weighted_f1"] == 1
    assert found["macro_f1"] == pytest.approx(2 / 3)


def test_constant_predictions_have_no_correlation_rather_than_nan() -> None:
    """Equal probabilities everywhere give finite scores and a correlation of 0."""
    found = compute_metrics(ScoredRows(THREE, ACTUAL, np.full((6, 3), 1 / 3), RATING), bins=15)
    assert found["rating_r"] == 0
    assert np.isfinite(list(found.values())).all()


def test_a_probability_of_zero_for_the_truth_costs_much_but_not_infinity() -> None:
    """The log loss is clipped at 1e-15."""
    assert metrics.log_loss(np.array([1]), np.array([[1.0, 0.0, 0.0]])) == pytest.approx(-np.log(1e-15))


def test_figures_are_rounded_and_counts_stay_whole() -> None:
    """A metrics file keeps six digits, and whole numbers as such."""
    found = metrics.rounded({"accuracy": np.float64(2 / 3), "n": 3})
    assert found == {"accuracy": 0.666667, "n": 3}
    assert type(found["n"]) is int
