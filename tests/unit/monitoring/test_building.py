"""Tests of verdict/monitoring/reference, on made-up tables."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.monitoring.tables import DATASET, SLICES, add_answers, build_reference, make_reference, table
from verdict.base.errors import VerdictError
from verdict.monitoring.reference import Reference, read, write


def test_it_says_what_text_is_made_of(reference: Reference) -> None:
    """Of each slice: words, lengths, answers, and the scores that the test set gave; of each class its answers."""
    assert (reference.slices, reference.labels, reference.headline) == (SLICES, ("bad", "good"), "macro_f1")
    assert reference.lengths == (6.0, 6.0)
    assert [sum(row) for row in reference.words] == [12_000, 12_000]
    assert [sum(row) for row in reference.characters] == [2000, 2000]
    assert np.array(reference.answers).sum(axis=(1, 2)).tolist() == [500, 500]
    said, right = np.array(reference.classes).sum(axis=2), np.trace(np.array(reference.classes).sum(axis=2))
    assert said.sum(axis=0).tolist() == np.array(reference.answers).sum(axis=(0, 2)).tolist()
    assert right / said.sum() == pytest.approx(0.8, abs=0.04)
    assert reference.scores["news"] == {"macro_f1": 0.6, "accuracy": 0.61}


def test_a_slice_without_a_score_has_that_of_all(reference: Reference) -> None:
    """The expected score of a mixture is the mean of the slices' scores, by their shares."""
    assert reference.expected_score(np.array([0.5, 0.5]), "macro_f1") == pytest.approx(0.5 * 0.6 + 0.5 * 0.75)


def test_a_word_of_few_groups_is_not_named(tmp_path: Path) -> None:
    """A name that one group says a thousand times stands in no file, not even its hash is told from others."""
    train = table(400, 1, group=4)
    train.loc[train["group"] == "news-1-3", "text"] = "perkeo " * 250
    reference = make_reference(tmp_path, train, table(100, 2))
    assert "perkeo" not in reference.model_dump_json()
    counter = reference.counter
    counted = counter.count(["perkeo the paper1 nobody"])[0].nonzero()[0]
    assert {counter.names[place] for place in counted} == {"(other)", "the", "paper1", "(unknown)"}


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    """It is written twice alike, and read as it was."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "reference.json", make_reference(tmp_path / name, table(100, 1), table(50, 2)))
    one, two = ((tmp_path / name / "reference.json").read_bytes() for name in ("one", "two"))
    assert one == two
    assert read(tmp_path / "one/reference.json").model_dump_json(indent=1).encode() + b"\n" == one


def test_two_in_a_row_need_be_less_far_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits for windows that are compared with the first texts are lower than one window alone would need."""
    usual = make_reference(tmp_path, table(100, 1), table(500, 2)).limits
    monkeypatch.setattr("verdict.monitoring.reference.building._IN_A_ROW", 3.0)
    alone = make_reference(tmp_path, table(100, 1), table(500, 2)).limits
    lower = {kind for kind, limits in usual if max(limits) < max(getattr(alone, kind))}
    assert lower == {"residual_since", "classes_since", "confidence_since"}


def _without_slices(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns="slice")


@pytest.mark.parametrize(
    "change",
    [
        _without_slices,
        lambda rows: rows.assign(group="one"),
        lambda rows: rows.assign(text="word"),
        lambda rows: rows.assign(text="  "),
        lambda rows: rows[rows["slice"] == "news"] if rows["id"].iloc[0] == "news-2-0" else rows,
        lambda rows: rows.iloc[:1],
    ],
    ids=["no slices", "one group", "one word", "no word", "a slice not in validation", "one row"],
)
def test_odd_tables_have_a_reference(tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Whatever the DAG lets pass has one, with a finite limit of each kind for each slice."""
    train, validation = change(table(40, 1)), change(table(20, 2))
    dataset = DATASET.model_copy(update={} if "slice" in train else {"slice": None, "slices": ()})
    reference = make_reference(tmp_path, train, validation, dataset)
    for name, limits in reference.limits:
        assert len(limits) == len(reference.slices), name
        assert np.isfinite(limits).all(), name


def test_predictions_of_other_rows_are_refused(tmp_path: Path) -> None:
    """Answers that are not to the validation split are named, with what makes them anew."""
    make_reference(tmp_path, table(40, 1), table(20, 2))
    add_answers(table(20, 3)).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(VerdictError, match=r"other\.parquet: has other rows than .*validation\.parquet"):
        build_reference(tmp_path, tmp_path / "other.parquet")


@pytest.mark.parametrize(
    ("content", "what"), [(None, "no such file"), ("{}", "no reference: "), ("[", "no reference: ")]
)
def test_what_is_no_reference_is_refused(tmp_path: Path, content: str | None, what: str) -> None:
    """A missing or foreign file is named, with the stage that makes it."""
    path = tmp_path / "reference.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(VerdictError, match=re.escape(f"{path}: {what}")) as raised:
        read(path)
    assert raised.value.remedy.startswith("dvc repro reference, or --reference FILE")
