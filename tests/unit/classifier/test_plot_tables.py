"""Tests of verdict/classifier/scores/plot_tables.py, against values worked out by hand or by scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve

from tests.unit.classifier.made_up_rows import made_up
from tests.unit.classifier.test_metrics import EXAMPLE
from verdict.classifier.scores import plot_tables
from verdict.classifier.scores.metrics import ScoredRows

ALL = np.full(6, True)
SLICES = [("overall", ALL), ("letters", np.arange(6) < 4), ("notes", np.arange(6) >= 4)]
IDS = [f"row-{number}" for number in range(6)]


def confusion_of(rows: ScoredRows, slices: list[plot_tables.Slice] | None = None) -> pd.DataFrame:
    """The rows of the confusion's plot."""
    whole = [("overall", np.full(len(rows), True))]
    return pd.DataFrame(list(plot_tables.confusions(rows, slices or whole)))


def test_confusion_counts_each_row_once_overall_and_once_in_its_slice() -> None:
    """The counts of `overall` sum to all rows, those of a slice to its own."""
    table = confusion_of(EXAMPLE, SLICES)
    assert table.groupby("slice")["count"].sum().to_dict() == {"overall": 6, "letters": 4, "notes": 2}
    wrong = table[(table["slice"] == "notes") & (table["actual"] == "high") & (table["predicted"] == "low")]
    assert wrong[["count", "share"]].to_numpy().tolist() == [[1, 0.5]]


def test_confusion_shows_the_five_largest_slices_in_their_order() -> None:
    """Of seven slices the two smallest are left out, and the others stay in the order of the data."""
    rows, sizes = made_up(3, rows=28), [3, 7, 1, 6, 2, 5, 4]
    of_row = np.repeat(np.arange(7), sizes)
    slices = [("overall", np.full(28, True)), *((f"s{number}", of_row == number) for number in range(7))]
    found = confusion_of(rows, slices).groupby("slice", sort=False)["count"].sum().to_dict()
    assert found == {"overall": 28, "s0": 3, "s1": 7, "s3": 6, "s5": 5, "s6": 4}


@pytest.mark.parametrize("classes", [2, 12, 13, 100])
def test_confusion_has_at_most_twelve_classes_and_one_for_the_others(classes: int) -> None:
    """All classes up to twelve; of more "(other)" holds the rest, so that the counts sum to all rows."""
    rows = made_up(classes)
    table = confusion_of(rows)
    names = list(dict.fromkeys(table["actual"]))
    assert len(names) == min(classes, 13)
    assert (plot_tables.OTHER in names) == (classes > 12)
    assert table["count"].sum() == 600
    assert len(table) == len(names) ** 2
    assert names == [
        *(label for label in rows.labels if label in names),
        *([plot_tables.OTHER] if classes > 12 else []),
    ]
    expected = pd.Series(rows.actual).map(lambda place: rows.labels[place])
    counts = expected.where(expected.isin(names), plot_tables.OTHER).value_counts().to_dict()
    assert table.groupby("actual")["count"].sum().to_dict() == counts
    assert table.groupby("actual")["share"].sum().tolist() == pytest.approx([1.0] * len(names), abs=1e-5)


def test_confusion_keeps_the_commonest_classes_whatever_a_model_says() -> None:
    """Two models on the same rows are shown with the same classes, so that they can be compared cell by cell."""
    actual = np.repeat(np.arange(14), [4] * 10 + [1, 1, 8, 9])
    labels = tuple(f"c{n}" for n in range(14))
    for guess in (actual, np.zeros_like(actual)):
        table = confusion_of(ScoredRows(labels, actual, np.eye(14)[guess]))
        assert list(dict.fromkeys(table["actual"])) == [*(f"c{n}" for n in range(10)), "c12", "c13", "(other)"]


def test_calibration_bins_hold_all_rows() -> None:
    """The bins' numbers sum to n, certainty of 1 included, and no empty bin is listed."""
    sure = ScoredRows(EXAMPLE.labels, EXAMPLE.actual, np.vstack([EXAMPLE.probabilities[:5], [0, 0, 1]]))
    numbers = [int(row["n"]) for row in plot_tables.calibration(sure, 10)]
    assert sum(numbers) == 6
    assert min(numbers) > 0


def test_precision_recall_runs_from_none_to_all_for_each_class() -> None:
    """Each class's curve starts at recall 0 and ends at recall 1 with its share as precision at the least."""
    table = pd.DataFrame(list(plot_tables.precision_recall(EXAMPLE)))
    for label, curve in table.groupby("class"):
        assert curve["recall"].iloc[0] == 0
        assert curve["recall"].iloc[-1] == 1
        assert curve["recall"].is_monotonic_increasing
        assert curve["precision"].iloc[-1] >= np.mean(EXAMPLE.actual == EXAMPLE.labels.index(str(label)))


@pytest.mark.parametrize("classes", [2, 13, 100])
def test_precision_recall_shows_the_six_commonest_classes(classes: int) -> None:
    """In the order of the labels, each with at most as many points as a plot can show."""
    rows = made_up(classes, rows=5000)
    table = pd.DataFrame(list(plot_tables.precision_recall(rows)))
    largest = sorted(np.argsort(-np.bincount(rows.actual), kind="stable")[:6])
    assert list(dict.fromkeys(table["class"])) == [rows.labels[place] for place in largest]
    assert table.groupby("class").size().max() <= 101


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
    """Only wrong predictions are listed, the surest first, as many as asked for, with what is known of the row."""
    rows = list(plot_tables.mistakes(EXAMPLE, IDS, ["letters"] * 4 + ["notes"] * 2, most=5))
    assert [row["id"] for row in rows] == ["row-4", "row-1"]
    assert rows[0] == {
        "id": "row-4",
        "mistake": "high, taken for low",
        "confidence": 0.6,
        "slice": "notes",
        "rating": 2.0,
    }
    assert len(list(plot_tables.mistakes(EXAMPLE, IDS, None, most=1))) == 1


def test_mistakes_of_rows_without_slice_and_rating_name_neither() -> None:
    """What the data does not have is not made up; of equal confidence the order is that of the ids."""
    rows = ScoredRows(("no", "yes"), np.array([0, 0, 1]), np.array([[0.1, 0.9]] * 3))
    found = list(plot_tables.mistakes(rows, ["b", "a", "c"], None, most=5))
    assert found == [{"id": name, "mistake": "no, taken for yes", "confidence": 0.9} for name in "ab"]
