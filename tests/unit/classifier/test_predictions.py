"""Tests of verdict/classifier/scores/predictions.py and validation.py: tables of predictions, and their scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.classifier.made_up_rows import labels_of, made_up
from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.classifier.scores.metrics import ScoredRows, compute_metrics
from verdict.classifier.scores.predictions import (
    label_codes,
    metrics_by_slice,
    metrics_document_of_predictions,
    probability_columns,
    require_headline,
    scored_rows,
    with_probabilities,
)
from verdict.classifier.scores.validation import write_validation

HERE = Path("here.parquet")


def truth_of(rows: ScoredRows, slices: bool = False) -> pd.DataFrame:
    """The truth columns of some rows, and their text."""
    table = pd.DataFrame({"id": [f"r{number}" for number in range(len(rows))], "group": "g", "text": "secret"})
    table["label"] = [rows.labels[place] for place in rows.actual]
    if slices:
        table["slice"] = np.where(np.arange(len(rows)) % 3, "tea", "milk")
    return table if rows.rating is None else table.assign(rating=rows.rating)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("rated", [True, False], ids=["rated", "unrated"])
@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_what_is_written_is_what_is_scored(classes: int, rated: bool, kind: str) -> None:
    """Truth and probabilities come back from a table as they were, of pyarrow and of pandas, and no text."""
    rows = made_up(classes, rated=rated)
    table = with_probabilities(truth_of(rows), rows.labels, rows.probabilities)
    assert table.column_names == ["id", "group", "label", *(["rating"] if rated else []), *rows.labels]
    found = scored_rows(table if kind == "arrow" else table.to_pandas(), rows.labels, "here")
    assert (found.probabilities == rows.probabilities).all()
    assert (found.actual == rows.actual).all()
    assert (found.rating is None) == (rows.rating is None)


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_a_class_may_have_the_name_of_a_column(kind: str) -> None:
    """Labels such as id, text or rating, or one that looks like the way out, keep truth and probabilities apart."""
    labels = ("id", "label", "text", "rating", "p:id", "p:", "weight", "tea")
    rows = ScoredRows(labels, np.arange(8), np.eye(8) * 0.5 + 0.0625, np.arange(8.0))
    assert len({*probability_columns(labels), "id", "group", "label", "rating"}) == 12
    table = with_probabilities(truth_of(rows), labels, rows.probabilities)
    found = scored_rows(table if kind == "arrow" else table.to_pandas(), labels, "here")
    assert (found.probabilities == rows.probabilities).all()
    assert (found.actual == rows.actual).all()
    assert table["id"].to_pylist() == [f"r{number}" for number in range(8)]
    assert probability_columns(["tea", "milk"]) == ["tea", "milk"]


def test_a_label_that_is_none_is_told_with_its_row() -> None:
    """Nothing is scored as if it were of the first class."""
    with pytest.raises(VerdictError, match=r"here, row 1: unknown label 'mixed'; there is bad, good"):
        label_codes(pd.DataFrame({"label": ["good", "mixed", "bad"]}), ("bad", "good"), "here")


@pytest.mark.parametrize("classes", [2, 10])
def test_each_slice_has_the_figures_of_its_rows(classes: int) -> None:
    """Overall comes first, then the slices in the order of the rows; of each class overall alone is told."""
    rows = made_up(classes, rated=True)
    table = with_probabilities(truth_of(rows, slices=True), rows.labels, rows.probabilities)
    found = metrics_by_slice(table, rows.labels, 15)
    assert list(found) == ["overall", "milk", "tea"]
    assert found["tea"] == pytest.approx(compute_metrics(rows[np.arange(600) % 3 > 0], 15))
    document = metrics_document_of_predictions(table, rows.labels, 15, HERE)
    assert list(document) == ["overall", "slices"]
    assert list(document["slices"]) == ["milk", "tea"]
    assert not [name for own in document["slices"].values() for name in own if ":" in name or name == "classes"]
    last = document["overall"]["classes"][rows.labels[-1]]
    assert last == {
        **{name: round(found["overall"][f"{name}:{rows.labels[-1]}"], 6) for name in ("precision", "recall", "f1")},
        "support": int((rows.actual == classes - 1).sum()),
    }
    assert document["overall"]["weighted_f1"] == round(found["overall"]["weighted_f1"], 6)


def test_without_slices_there_are_none() -> None:
    """A metrics file of data without slices has no key for them."""
    rows = made_up(3)
    table = with_probabilities(truth_of(rows), rows.labels, rows.probabilities)
    assert list(metrics_document_of_predictions(table, rows.labels, 15, HERE)) == ["overall"]


@pytest.mark.parametrize(
    ("headline", "classes", "rated"),
    [
        ("roc_auc", 3, False),
        ("average_precision", 10, True),
        ("rating_r", 3, False),
        ("log_loss", 2, False),
        ("ece", 2, True),
        ("recall:class 1", 2, False),
    ],
)
def test_a_headline_that_the_data_does_not_have_is_refused(headline: str, classes: int, rated: bool) -> None:
    """A metric of other data, of one class, or of which less is better cannot decide; those that can are named."""
    with pytest.raises(VerdictError, match=rf"{headline} is none of weighted_f1, macro_f1.*{classes} classes"):
        require_headline(headline, labels_of(classes), rated)


@pytest.mark.parametrize(
    ("headline", "classes", "rated"),
    [("macro_f1", 100, False), ("roc_auc", 2, False), ("average_precision", 2, True), ("rating_r", 3, True)],
)
def test_a_headline_that_the_data_has_decides(headline: str, classes: int, rated: bool) -> None:
    """What is defined for the data, and better where it is higher, can be chosen; the spread of seeds is of it."""
    require_headline(headline, labels_of(classes), rated)


@pytest.mark.parametrize("headline", ["roc_auc", "macro_f1"])
def test_the_spread_of_seeds_is_that_of_the_headline(tmp_path: Path, headline: str) -> None:
    """Each seed's value is the metric of its own predictions, which lie beside those of the first."""
    seeds = {seed: made_up(2, seed=0).probabilities[:, ::order] for seed, order in ((7, 1), (1, -1))}
    rows = made_up(2, seed=0)
    place, scores = tmp_path / "predictions.parquet", tmp_path / "validation.json"
    truth = with_probabilities(truth_of(rows), rows.labels, rows.probabilities)
    written = write_validation(truth, rows.labels, headline, seeds, predictions=place, scores=scores)
    assert read_json(scores, "") == written
    values = written["seeds"]["values"]
    for seed, name in ((7, "predictions"), (1, "seed-1")):
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert values[f"{seed}"] == metrics_document_of_predictions(table, rows.labels, 15, HERE)["overall"][headline]
    assert written["overall"][headline] == values["7"]
    assert written["seeds"]["mean"] == pytest.approx(np.mean(list(values.values())), abs=1e-6)
    assert written["seeds"]["std"] == pytest.approx(np.std(list(values.values()), ddof=1), abs=1e-6)
