"""Untrusted tables of rows: their truth columns, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verdict.base.errors import VerdictError
from verdict.review.testset import row_digests
from verdict.review.truth import (
    extended_to_labels,
    read_truth,
    require_probabilities,
    require_truth,
    with_probabilities,
)

LABELS = ("ham", "spam")
ROWS = pd.DataFrame({"id": ["a", "b"], "group": ["g", "g"], "label": ["ham", "spam"], "text": ["x", "y"]})
WHOLE = ROWS.assign(slice=["mail", "chat"], rating=[0.5, -0.5])


def written(path: Path, table: pd.DataFrame) -> Path:
    """The table as a file."""
    # By lists: pandas would write large strings, which no stage does.
    cells = {str(name): [None if pd.isna(cell) else cell for cell in table[name]] for name in table}
    pq.write_table(pa.table(cells), path)
    return path


def test_a_table_has_the_columns_of_truth_that_it_has(tmp_path: Path) -> None:
    """Slice and rating may be missing; what is there comes in one order, with the columns asked for at its end."""
    table = read_truth(written(tmp_path / "plain.parquet", ROWS.assign(surplus=1)), "", "text")
    assert list(table) == ["id", "group", "label", "text"]
    assert list(read_truth(written(tmp_path / "whole.parquet", WHOLE), "")) == [
        "id",
        "group",
        "slice",
        "label",
        "rating",
    ]


@pytest.mark.parametrize("name", ["id", "group", "label", "text"])
def test_what_every_table_has_must_be_there_without_gaps(tmp_path: Path, name: str) -> None:
    """A table without an id, group, label or text, or with a gap in it, is refused by the column's name."""
    gap = ROWS.astype(object)
    gap.loc[0, name] = None
    for table in (ROWS.drop(columns=name), gap):
        with pytest.raises(VerdictError, match=name):
            read_truth(written(tmp_path / "t.parquet", table), "", "text")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "an id twice": ({"id": "a"}, "id a stands twice"),
    "a number as an id": ({"id": [1, 2]}, "id is no text"),
    "an unknown label": ({"label": ["ham", "eggs"]}, "labels that the artifact does not have: 'eggs'"),
    "a slice that is all": ({"slice": ["overall", "chat"]}, "a slice called overall"),
    "a very long slice": ({"slice": ["x" * 1001, "chat"]}, "2 slices: more than"),
    "a rating that is none": ({"rating": [np.nan, 1.0]}, "a rating that is not a finite number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_truth_that_is_none_is_refused(name: str) -> None:
    """Each in words of its own, with the table's name; the same rows without that pass."""
    cells, message = BROKEN[name]
    require_truth(WHOLE, "the table", LABELS)
    with pytest.raises(VerdictError, match=message) as caught:
        require_truth(WHOLE.assign(**cells), "the table", LABELS)
    assert caught.value.where == "the table"


def test_no_row_and_thousands_of_slices_are_refused() -> None:
    """A table without rows has no score, and one with a slice a row no table that shows them."""
    with pytest.raises(VerdictError, match="no row"):
        require_truth(ROWS.iloc[:0], "t", LABELS)
    many = pd.DataFrame({"id": [f"{n}" for n in range(1001)], "group": "g", "label": "ham"})
    with pytest.raises(VerdictError, match="1,001 slices"):
        require_truth(many.assign(slice=many["id"]), "t", LABELS)


def test_labels_that_are_named_like_columns_have_probabilities() -> None:
    """A class called id or label gets a column of its own, and the truth stays what it is."""
    table = with_probabilities(ROWS, ("id", "label"), np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert table["id"].tolist() == ["a", "b"]
    require_probabilities(table, ("id", "label"), "t")
    assert list(table.iloc[0])[-2:] == [0.25, 0.75]


@pytest.mark.parametrize("values", [[np.nan, 1.0], [-0.1, 1.1], [0.4, 0.4], [np.inf, 0.0]])
def test_probabilities_that_are_none_are_refused(values: list[float]) -> None:
    """No numbers, below 0, or not adding up to 1: the row is named."""
    table = with_probabilities(ROWS, LABELS, np.array([[0.5, 0.5], values]))
    with pytest.raises(VerdictError, match="t, row 1"):
        require_probabilities(table, LABELS, "t")


def test_a_class_that_a_model_does_not_have_gets_no_probability() -> None:
    """The columns come in the order of all labels, and those of before keep their values."""
    table = with_probabilities(ROWS, LABELS, np.array([[0.25, 0.75], [1.0, 0.0]]))
    wide = extended_to_labels(table, LABELS, ("eggs", "spam", "ham"))
    assert list(wide)[-3:] == ["eggs", "spam", "ham"]
    assert wide[["eggs", "spam", "ham"]].to_numpy().tolist() == [[0.0, 0.75, 0.25], [0.0, 0.0, 1.0]]


def test_a_digest_is_of_the_values_in_one_order() -> None:
    """The names of columns and their place in the table are not part of it; each value is, the text too."""
    before = row_digests(WHOLE)
    assert before[0] == "0d3db2f5374d5e61"
    assert row_digests(WHOLE[WHOLE.columns[::-1]]) == before
    for name in WHOLE:
        other = WHOLE.assign(**{str(name): list(WHOLE[name])[::-1]})
        assert name == "group" or not set(row_digests(other)) & set(before)
    assert not set(row_digests(ROWS)) & set(before)
