"""Tests of verdict/classifier/scores/plot_tables.py, against values worked out by hand or by scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve

from tests.unit.classifier.test_metrics import PROBABILITIES, TRUTH, VALENCE
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores import plot_tables
from verdict.classifier.scores.metrics import row_sums
from verdict.classifier.scores.predictions import arrays


def predictions() -> pd.DataFrame:
    """The example as the stage writes it."""
    table = pd.DataFrame(PROBABILITIES, columns=list(LABELS))
    return table.assign(
        id=[f"movies-{n}" for n in range(6)], domain=["movies"] * 4 + ["news"] * 2, label=TRUTH, valence=VALENCE
    )


def test_confusion_counts_each_sentence_once_overall_and_once_in_its_domain() -> None:
    """The counts of `overall` sum to all sentences, those of a domain to its own."""
    sums = row_sums(*arrays(predictions()), 2)
    table = pd.DataFrame(list(plot_tables.confusion(sums, predictions()["domain"].to_numpy(np.str_))))
    assert table.groupby("domain")["count"].sum().to_dict() == {"overall": 6, "movies": 4, "news": 2}
    wrong = table[(table["domain"] == "news") & (table["actual"] == "positive") & (table["predicted"] == "negative")]
    assert wrong[["count", "share"]].to_numpy().tolist() == [[1, 0.5]]


def test_calibration_bins_hold_all_sentences() -> None:
    """The bins' numbers sum to n, certainty of 1 included, and no empty bin is listed."""
    bins = list(plot_tables.calibration(TRUTH, np.vstack([PROBABILITIES[:5], [0, 0, 1]]), 10))
    numbers = [int(row["n"]) for row in bins]
    assert sum(numbers) == 6
    assert min(numbers) > 0


def test_precision_recall_runs_from_none_to_all_for_each_class() -> None:
    """Each class's curve starts at recall 0 and ends at recall 1 with its share as precision at the least."""
    table = pd.DataFrame(list(plot_tables.precision_recall(TRUTH, PROBABILITIES)))
    for label, curve in table.groupby("class"):
        assert curve["recall"].iloc[0] == 0
        assert curve["recall"].iloc[-1] == 1
        assert curve["recall"].is_monotonic_increasing
        assert curve["precision"].iloc[-1] >= np.mean(label == TRUTH)


@pytest.mark.parametrize("share", [0.3, 0.0], ids=["some", "none"])
@pytest.mark.filterwarnings("ignore:No positive class")
def test_the_curve_is_that_of_scikit_learn(share: float) -> None:
    """With many equal values, and where nothing is true, each point is the one that scikit-learn has."""
    generator = np.random.default_rng(3)
    truth, values = generator.random(500) < share, generator.integers(0, 40, 500) / 40
    precision, recall, _ = precision_recall_curve(truth, values)
    own = plot_tables.curve(truth, values)
    assert (own[0].tolist(), own[1].tolist()) == (precision[::-1].tolist(), recall[::-1].tolist())


def test_mistakes_are_listed_by_confidence_and_by_id_alone() -> None:
    """Only wrong predictions are listed, the surest first, as many as asked for, and without text."""
    rows = list(plot_tables.mistakes(predictions().assign(text="secret"), most=5))
    assert [row["id"] for row in rows] == ["movies-4", "movies-1"]
    assert rows[0]["mistake"] == "positive, taken for negative"
    assert "secret" not in str(rows)
    assert len(list(plot_tables.mistakes(predictions(), most=1))) == 1
