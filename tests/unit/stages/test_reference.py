"""Tests of stages/reference.py."""

import json
from pathlib import Path

import pytest

from stages import reference
from tests.unit.stages.runs import Change, drop_column, refusal, remove, set_cell, truncate, write
from verdict.base.files import read_json
from verdict.monitoring.reference import read

REFERENCE = Path("models/reference.json")


def test_it_is_of_these_slices_and_promises_what_was_measured(ran: Path) -> None:
    """Slices in the order of the data, answers of validation before the refit, scores of metrics/evaluation.json."""
    found = read(REFERENCE)
    assert found.slices == ("tweets", "movies", "products", "news")
    assert found.labels == ("negative", "neutral", "positive")
    metrics = read_json(Path("metrics/evaluation.json"), "")
    assert found.scores["overall"] == {name: metrics["overall"][name] for name in ("weighted_f1", "accuracy")}
    assert set(found.scores) == {"overall", *metrics["slices"]}
    rows = read_json(Path("metrics/validation.json"), "")["overall"]["n"]
    assert sum(count for slice_ in found.answers for label in slice_ for count in label) == rows


def test_data_without_slices_have_one_without_a_name(mailed: Path) -> None:
    """A table of two columns and two labels has a reference, too, and the metric that decides is the params'."""
    found = read(REFERENCE)
    assert (found.slices, found.headline) == (("",), "average_precision")
    assert set(found.scores["overall"]) == {"average_precision", "accuracy"}


def test_no_word_of_few_texts_stands_in_it(ran: Path) -> None:
    """The numbers that make each text of the small table unlike all others are not among its words."""
    assert not [word for word in json.loads(REFERENCE.read_text())["frequent"] if word.isdigit()]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (remove("metrics/evaluation.json"), "metrics/evaluation.json"),
        (write("metrics/evaluation.json", "["), "metrics/evaluation.json"),
        (truncate("data/prepared/train.parquet"), "data/prepared/train.parquet"),
        (drop_column("data/validation/predictions.parquet", "id"), "data/validation/predictions.parquet"),
        (set_cell("data/validation/predictions.parquet", "id", "another"), "data/validation/predictions.parquet"),
    ],
)
def test_what_it_cannot_read_is_named(
    ran: Path, capsys: pytest.CaptureFixture[str], change: Change, where: str
) -> None:
    """A missing or damaged file, or predictions of other rows, end with an error that names the file."""
    change()
    assert refusal(reference.main, capsys).startswith(f"error: {where}")
