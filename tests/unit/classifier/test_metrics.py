"""Tests of verdict/classifier/scores/metrics.py, against values worked out by hand or by scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.metric_names import METRICS
from verdict.classifier.scores import metrics

TRUTH = np.array(["negative", "negative", "neutral", "positive", "positive", "positive"])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.0, 0.1, 0.9]]
)
VALENCE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
PREDICTED = np.asarray(LABELS)[PROBABILITIES.argmax(axis=1)]


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_many_sentences_are_those_of_scikit_learn(seed: int) -> None:
    """On random sentences and probabilities, one of them a class that is never right, each score is scikit-learn's."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(LABELS, 400, p=[0.5, 0.1 * seed, 0.5 - 0.1 * seed])
    values = generator.dirichlet([1, 1, 1], 400)
    guess = np.asarray(LABELS)[values.argmax(axis=1)]
    found = metrics.scores(labels, generator.normal(size=400), values, 15)
    f1 = {kind: reference.f1_score(labels, guess, labels=LABELS, average=kind) for kind in ("weighted", "macro")}
    expected = {
        "weighted_f1": f1["weighted"],
        "macro_f1": f1["macro"],
        "accuracy": reference.accuracy_score(labels, guess),
        "mcc": reference.matthews_corrcoef(labels, guess),
        "log_loss": reference.log_loss(labels, values, labels=LABELS),
        "n": 400,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert set(found) == {*METRICS, "n"}


def test_a_label_that_is_none_is_an_error() -> None:
    """Nothing is scored as if it were of the first class."""
    with pytest.raises(KeyError, match="mixed"):
        metrics.scores(np.array(["mixed"]), np.zeros(1), np.array([[1.0, 0.0, 0.0]]), 2)


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
