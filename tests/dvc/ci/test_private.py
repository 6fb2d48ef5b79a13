"""The private test set: only the judge fetches it, main's code scores it, and only sums are published."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages import evaluate
from tests.corpus import RAW, SIZES, write_raw
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import PREDICTED, ReviewRunner, retrain, train_on_flipped_labels
from tests.dvc.review.tampering import relock
from tests.s3 import S3, s3
from verdict.base.errors import VerdictError
from verdict.base.files import write_table
from verdict.ci.judge import full_review, private
from verdict.classifier.dataset.preparation import prepare
from verdict.classifier.dataset.splits import SPLITS
from verdict.classifier.params import Params
from verdict.review.command import Request, sides
from verdict.review.gate import Review, review

__all__ = ["s3"]

clone, runner = edits.clone, edits.runner
RULES = ["private:worse", "private:floor", "private:leak"]


@pytest.fixture
def secret(tmp_path: Path, params: Params) -> Path:
    """Other rows of the same kind, in the columns of test.parquet."""
    write_raw(tmp_path / "raw", seed=99)
    data = params.data.model_copy(update={"path": str(tmp_path / "raw" / RAW)})
    prepare(data, params.split, tmp_path / "prepared", tmp_path / "details")
    tables = [pq.read_table(tmp_path / "prepared" / f"{name}.parquet") for name in SPLITS]
    path = tmp_path / "secret.parquet"
    write_table(path, pa.concat_tables(tables), tables[0].schema)
    return path


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    """The environment names the file."""
    for name in private.NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(private.PLACE, str(secret))


def judged(clone: Clone, runner: ReviewRunner) -> Review:
    """The review of the working tree against main, with the private rows."""
    table = private.rows()
    assert table is not None
    with runner.at(clone), sides(Request(clone.path, "main")) as (store, old, new):
        assert old is not None
        found = review(store, old, new)
        private.judge(found, table, old, new)
    return found


def failed(found: Review) -> list[str]:
    """The rules on the private set that fail."""
    assert found.reason is None, found.reason
    assert [rule.name for rule in found.rules if rule.name.startswith("private")] == RULES
    return [rule.name for rule in found.failed if rule.name in RULES]


def test_an_honest_change_passes_and_is_told_in_one_line(clone: Clone, runner: ReviewRunner) -> None:
    """The line has the score, its interval and the number of rows; no text, id or slice is printed."""
    retrain(clone, **{"linear.alpha": 1.6e-5})
    relock(clone)
    found = judged(clone, runner)
    assert failed(found) == []
    assert found.private.startswith("private test set: weighted F1 0.")
    assert "540 rows" in found.private
    told = found.private + "".join(
        f"{rule.finding}{rule.requirement}{rule.brief}" for rule in found.rules if rule.name in RULES
    )
    assert not any(name in told for name in SIZES)


def test_a_worse_model_fails(clone: Clone, runner: ReviewRunner) -> None:
    """A model trained on flipped labels is worse there, too, and below the floor."""
    train_on_flipped_labels(clone)
    edits.run_stage(clone, evaluate)
    relock(clone)
    assert failed(judged(clone, runner)) == ["private:worse", "private:floor"]


def test_a_gain_on_test_alone_fails(clone: Clone, runner: ReviewRunner) -> None:
    """A main whose stored predictions are poor on test alone: another model gains there, and not on the private set."""

    def turned(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(negative=table["positive"], positive=table["negative"])

    edits.edit_table(clone, PREDICTED, turned)
    edits.rescore(clone)
    relock(clone)
    clone.commit("Poor on test")
    retrain(clone, **{"linear.alpha": 1.6e-5})
    relock(clone)
    assert failed(judged(clone, runner)) == ["private:leak"]


def test_rows_that_main_has_are_left_out_and_counted(clone: Clone, runner: ReviewRunner, secret: Path) -> None:
    """Rows of main's table are left out, since they were learnt or are tested; the change's rows do not matter."""
    known = pd.read_parquet(clone.path / "data/prepared/train.parquet").head(30)
    schema = pq.read_schema(secret)
    write_table(secret, pd.concat([pd.read_parquet(secret), known.assign(id=known["id"] + "-k")]), schema)
    assert "540 rows, 30 more left out, which main has" in judged(clone, runner).private
    write_table(secret, known, schema)
    found = judged(clone, runner)
    assert found.code == 2
    assert found.reason is not None
    assert "at least 100 are needed" in found.reason.what


BROKEN: dict[str, dict[str, Any] | None] = {
    "no parquet": None,
    "other columns": {"id": "x", "text": "secret words"},
    "an id twice": {"id": "secret-id"},
    "a label that is none": {"label": "secret-label"},
    "no number": {"rating": np.inf},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_none_cannot_judge_and_is_not_told(
    clone: Clone, runner: ReviewRunner, secret: Path, kind: str
) -> None:
    """The error names the variable and what the file must be, and nothing of what it is, where it is or why."""
    change = BROKEN[kind]
    table = pd.read_parquet(secret)
    if change is None:
        secret.write_bytes(b"secret words")
    else:
        changed = table.assign(**change)
        (changed[list(change)] if kind == "other columns" else changed).to_parquet(secret)
    try:
        error = judged(clone, runner).reason
    except VerdictError as raised:
        error = raised
    told = str(error)
    assert error is not None
    assert error.where == "PRIVATE_TEST"
    assert "not a parquet file of the columns of" in told or "not rows with id, group, slice, label, rating" in told
    assert "secret" not in told
    assert error.__cause__ is None


def test_nothing_is_asked_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable there are no rows; a key without an address is reported as a mistake."""
    monkeypatch.delenv(private.PLACE)
    assert private.rows() is None
    monkeypatch.setenv("PRIVATE_KEY", "k")
    with pytest.raises(VerdictError, match="is empty, beside PRIVATE_KEY"):
        private.rows()


def test_it_is_fetched_with_a_key_of_its_own(s3: S3, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a bucket by its own key; a wrong key or name cannot judge, and prints neither key nor address."""
    s3.put("private/rows.parquet", secret.read_bytes())
    keys = s3.keys(read_only=True)
    monkeypatch.setenv("PRIVATE_ENDPOINT", s3.endpoint)
    monkeypatch.setenv(private.PLACE, f"s3://{s3.bucket}/private/rows.parquet")
    monkeypatch.setenv("PRIVATE_KEY", keys["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("PRIVATE_SECRET", keys["AWS_SECRET_ACCESS_KEY"])
    table = private.rows()
    assert table is not None
    assert table["id"].tolist() == pd.read_parquet(secret)["id"].tolist()
    for name, value in (("PRIVATE_SECRET", "wrong-secret"), (private.PLACE, f"s3://{s3.bucket}/private/none")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(VerdictError) as error:
                private.rows()
        assert (error.value.where, "cannot be fetched" in error.value.what) == ("PRIVATE_TEST", True)
        assert not any(text in str(error.value) for text in ("private/", "wrong-secret", s3.endpoint))


def test_too_much_is_not_read(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and rows have a limit, looked at before the rest is read."""
    monkeypatch.setattr(private, "_MOST_BYTES", 1000)
    with pytest.raises(VerdictError, match="more than 1000 bytes"):
        private.rows()
    monkeypatch.undo()
    monkeypatch.setenv(private.PLACE, str(secret))
    monkeypatch.setattr(private, "_MOST_ROWS", 10)
    with pytest.raises(VerdictError, match="at most 10 rows"):
        private.rows()


def test_the_keys_are_forgotten_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that reads the change's files finds neither the address nor the key."""
    for name in private.NAMES:
        monkeypatch.setenv(name, "x")
    full_review._forget_keys()
    assert not [name for name in private.NAMES if name in os.environ]
