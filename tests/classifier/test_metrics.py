"""Tests of verdict/classifier/scores/metrics.py, against values worked out by hand or by scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores import metrics

TRUTH = np.array(["negative", "negative", "neutral", "positive", "positive", "positive"])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.0, 0.1, 0.9]]
)
VALENCE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
PREDICTED = np.asarray(LABELS)[PROBABILITIES.argmax(axis=1)]


def predictions() -> pd.DataFrame:
    """The example as the stage writes it."""
    table = pd.DataFrame(PROBABILITIES, columns=list(LABELS))
    return table.assign(
        id=[f"movies-{n}" for n in range(6)], domain=["movies"] * 4 + ["news"] * 2, label=TRUTH, valence=VALENCE
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weighted_f1", reference.f1_score(TRUTH, PREDICTED, average="weighted")),
        ("macro_f1", reference.f1_score(TRUTH, PREDICTED, average="macro")),
        ("accuracy", 4 / 6),
        ("mcc", reference.matthews_corrcoef(TRUTH, PREDICTED)),
        ("log_loss", -np.log([0.8, 0.3, 0.5, 0.8, 0.2, 0.9]).mean()),
        # By hand, two bins: .4 (wrong) alone below .5, five above.
        ("ece", (1 * 0.4 + 5 * abs(0.72 - 0.8)) / 6),
        ("valence_r", np.corrcoef(PROBABILITIES[:, 2] - PROBABILITIES[:, 0], VALENCE)[0, 1]),
        ("n", 6),
    ],
)
def test_each_score_has_its_reference_value(name: str, expected: float) -> None:
    """Each score agrees with scikit-learn or with a calculation by hand."""
    assert metrics.scores(TRUTH, VALENCE, PROBABILITIES, bins=2)[name] == pytest.approx(expected, abs=1e-6)


def test_constant_predictions_have_no_correlation_rather_than_nan() -> None:
    """Equal probabilities everywhere give finite scores and a correlation of 0."""
    scores = metrics.scores(TRUTH, VALENCE, np.full((6, 3), 1 / 3), bins=15)
    assert scores["valence_r"] == 0
    assert np.isfinite(list(scores.values())).all()


def test_a_probability_of_zero_for_the_truth_costs_much_but_not_infinity() -> None:
    """The log loss is clipped at 1e-15."""
    assert metrics.log_loss(np.array(["neutral"]), np.array([[1.0, 0.0, 0.0]])) == pytest.approx(-np.log(1e-15))


def test_confusion_counts_each_sentence_once_overall_and_once_in_its_domain() -> None:
    """The counts of `overall` sum to all sentences, those of a domain to its own."""
    table = pd.DataFrame(list(metrics.confusion(predictions())))
    assert table.groupby("domain")["count"].sum().to_dict() == {"overall": 6, "movies": 4, "news": 2}
    wrong = table[(table["domain"] == "news") & (table["actual"] == "positive") & (table["predicted"] == "negative")]
    assert wrong[["count", "share"]].to_numpy().tolist() == [[1, 0.5]]


def test_calibration_bins_hold_all_sentences() -> None:
    """The bins' numbers sum to n, certainty of 1 included, and no empty bin is listed."""
    bins = list(metrics.calibration(TRUTH, np.vstack([PROBABILITIES[:5], [0, 0, 1]]), 10))
    assert sum(row["n"] for row in bins) == 6
    assert all(row["n"] > 0 for row in bins)


def test_precision_recall_runs_from_none_to_all_for_each_class() -> None:
    """Each class's curve starts at recall 0 and ends at recall 1 with its share as precision at the least."""
    table = pd.DataFrame(list(metrics.precision_recall(TRUTH, PROBABILITIES)))
    for label, curve in table.groupby("class"):
        assert curve["recall"].iloc[0] == 0
        assert curve["recall"].iloc[-1] == 1
        assert curve["recall"].is_monotonic_increasing
        assert curve["precision"].iloc[-1] >= np.mean(label == TRUTH)


def test_mistakes_are_listed_by_confidence_and_by_id_alone() -> None:
    """Only wrong predictions are listed, the surest first, as many as asked for, and without text."""
    rows = list(metrics.mistakes(predictions().assign(text="secret"), most=5))
    assert [row["id"] for row in rows] == ["movies-4", "movies-1"]
    assert rows[0]["mistake"] == "positive, taken for negative"
    assert "secret" not in str(rows)
    assert len(list(metrics.mistakes(predictions(), most=1))) == 1
