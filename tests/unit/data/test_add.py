"""New labelled rows for a table: reports, rejected rows, and unchanged old rows."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.corpus import mails, rows, write_csv
from verdict.base.errors import VerdictError
from verdict.classifier.dataset.preparation import prepare
from verdict.classifier.dataset.problems import Problems
from verdict.classifier.dataset.splits import SPLITS, split_of
from verdict.classifier.dataset.table import read_batches
from verdict.classifier.params.data import Data, Split
from verdict.init.new_rows import NewRows, new_rows
from verdict.init.row_writer import write_like

MAILS = {"text": ["subject", "body"], "label": "label"}
RATED = {
    **{
        "text": "text",
        "id": "id",
        "group": "document",
        "slice": "domain",
        "labels": ["negative", "neutral", "positive"],
    },
    "rating": {"column": "valence", "limits": [-4, 4], "neutral_band": 0.05},
}
Made = list[dict[str, Any]]


def settings(path: Path, keys: Mapping[str, Any]) -> Data:
    """The group `data` of a table."""
    return Data.model_validate({"path": str(path), **keys})


def found(folder: Path, made: Made, old: Made | None = None, keys: Mapping[str, Any] = MAILS, **fixed: str) -> NewRows:
    """The new rows among some rows, beside a table."""
    write_csv(folder / "table.csv", old or mails(40))
    write_csv(folder / "rows.csv", made)
    return new_rows(settings(folder / "table.csv", keys), Split(), [folder / "rows.csv"], fixed)


def mail(**cells: str) -> dict[str, str]:
    """A row that no table has."""
    return {"subject": "a new one", "body": "nobody has seen", "label": "ham", **cells}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([mail(label="Spam")], ("data.label", '"Spam", which no row of the table is,', "rows.csv, line 2")),
        ([mail(label="")], ("data.label: no value in 1 row", "rows.csv, line 2")),
        ([mail(body="it\u00e2\u20ac\u2122s read in a wrong encoding")], ("signs of a wrong encoding", "data.damaged")),
        ([{"subject": "x", "label": "ham"}], ('data.text: no column "body"', "it has subject, label", "--set COLUMN=")),
    ],
    ids=["unknown label", "no label", "encoding", "no column"],
)
def test_what_is_wrong_with_rows_is_told(tmp_path: Path, made: Made, words: tuple[str, ...]) -> None:
    """Invalid labels, columns and texts are reported with their place and a remedy."""
    with pytest.raises(VerdictError) as caught:
        found(tmp_path, made)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are named with their line."""
    write_csv(tmp_path / "table.csv", mails(40))
    (tmp_path / "rows.csv").write_bytes("subject,body,label\nGr\xfc\xdfe,x,ham\n".encode("latin-1"))
    with pytest.raises(VerdictError, match="line 2: not UTF-8"):
        new_rows(settings(tmp_path / "table.csv", MAILS), Split(), [tmp_path / "rows.csv"], {})


@pytest.mark.parametrize("content", [None, b"", "subject".encode("utf-16")], ids=["missing", "empty", "utf-16"])
def test_of_a_file_that_cannot_be_read_nothing_else_is_told(tmp_path: Path, content: bytes | None) -> None:
    """For a file that is missing, empty or in UTF-16, missing columns are not reported."""
    write_csv(tmp_path / "table.csv", mails(40))
    if content is not None:
        (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(VerdictError, match=r"rows\.csv") as caught:
        new_rows(settings(tmp_path / "table.csv", MAILS), Split(), [tmp_path / "rows.csv"], {})
    assert "no column" not in str(caught.value)


def test_what_the_table_has_already_is_left_out_and_counted(tmp_path: Path) -> None:
    """A known text keeps its label; of two new rows with the same words the first counts."""
    old: Made = mails(40)
    other = {"ham": "spam", "spam": "ham"}[str(old[1]["label"])]
    made = [
        old[0],
        {**old[1], "label": other},
        mail(),
        mail(body="Nobody has seen!"),
        mail(label="spam"),
        mail(body=" "),
    ]
    made[5]["subject"] = ""
    new = found(tmp_path, made, old)
    assert [row.cells for row in new.rows] == [mail()]
    assert new.left_out == {
        **{"in the table already": 1, "in the table already, under another label": 1, "no text": 1},
        **{"twice among these rows": 1, "twice among these rows, under another label": 1},
    }


def test_an_id_is_given_once(tmp_path: Path) -> None:
    """A row without an id gets one of its text; one that another text has is refused."""
    old, keys = [{**row, "key": f"m{n}"} for n, row in enumerate(mails(40))], {**MAILS, "id": "key"}
    (row,) = found(tmp_path, [mail()], old, keys).rows
    assert row.cells["key"].startswith("added-")
    with pytest.raises(VerdictError, match=r"data.id: an id that another text has in 1 row \(first: .*line 2"):
        found(tmp_path, [mail(key="m3")], old, keys)


def test_a_class_takes_the_place_of_a_rating(tmp_path: Path) -> None:
    """If labels come from a rating, a row may have a label; `--set` fills its missing columns, the rest is empty."""
    made: Made = [{"text": "what a day it was", "label": "positive", "received": "2026-11-20", "release": "v1"}]
    (row,) = found(tmp_path, made, rows("tweets", 60), RATED, domain="tweets").rows
    assert list(row.cells) == ["id", "document", "domain", "text", "valence"]
    assert (row.cells["valence"], row.cells["document"], row.slice, row.label) == ("positive", "", "tweets", "positive")
    with pytest.raises(VerdictError, match='"cheerful"'):
        found(tmp_path, [{**made[0], "label": "cheerful"}], rows("tweets", 60), RATED, domain="tweets")


@pytest.mark.parametrize("keys", [MAILS, {**MAILS, "labels": ["ham", "spam"]}, RATED], ids=["", "listed", "rated"])
def test_where_nobody_is_asked_a_row_that_cannot_be_used_is_left_out(tmp_path: Path, keys: Mapping[str, Any]) -> None:
    """A row with an unknown label or none stops no other row; each such row is counted once."""
    rated = keys is RATED
    right = {"text": "what a day it was", "label": "positive"} if rated else mail()
    write_csv(tmp_path / "table.csv", rows("tweets", 60) if rated else mails(40))
    write_csv(tmp_path / "rows.csv", [{**right, "label": "Spam"}, right, {**right, "label": ""}])
    data, fixed = settings(tmp_path / "table.csv", keys), {"domain": "tweets"} if rated else {}
    new = new_rows(data, Split(), [tmp_path / "rows.csv"], fixed, lenient=True)
    assert [(row.label, row.place[-6:]) for row in new.rows] == [(right["label"], "line 3")]
    assert sum(new.left_out.values()) == 2


def _jsonl(path: Path, made: Made) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in made), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Made], object]] = {
    "table.csv": write_csv,
    "table.tsv": lambda path, made: write_csv(path, made, "\t"),
    "semicolons.csv": lambda path, made: write_csv(path, made, ";"),
    "table.jsonl": _jsonl,
    "table.parquet": lambda path, made: pd.DataFrame(made).to_parquet(path, index=False),
    "table.csv.gz": lambda path, made: path.write_bytes(gzip.compress(pd.DataFrame(made).to_csv(index=False).encode())),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keep", [True, False], ids=["behind its rows", "as a file of its own"])
def test_rows_are_written_as_the_table_is(tmp_path: Path, name: str, keep: bool) -> None:
    """In any format the table's rows stay, the new ones follow, and the bytes are the same each time."""
    made: Made = [{"n": n, "words": f'said "{n}", and\nmore; of it\t'} for n in range(3)]
    (tmp_path / "new").mkdir()
    WRITERS[name](tmp_path / name, made)
    more = [{"n": "7", "words": 'ü, "quoted"\nand long'}, {"n": "8", "words": "half a\rline"}]
    written = set()
    for _ in range(2):
        write_like(tmp_path / name, more, tmp_path / "new" / name, keep)
        written.add((tmp_path / "new" / name).read_bytes())
    assert len(written) == 1
    problems = Problems(name)
    read = [batch.columns for batch in read_batches(tmp_path / "new" / name, [("n", "n"), ("w", "words")], problems)]
    problems.raise_if_any()
    wanted = [*(made if keep else []), *more]
    assert [value for part in read for value in part["n"]] == [str(row["n"]) for row in wanted]
    assert [value for part in read for value in part["words"]] == [row["words"] for row in wanted]


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    """A table that ends in the middle of a line does not swallow the first new row."""
    (tmp_path / "table.csv").write_text("n,words\n1,one", encoding="utf-8")
    write_like(tmp_path / "table.csv", [{"n": "2", "words": "two"}], tmp_path / "new.csv", keep=True)
    assert (tmp_path / "new.csv").read_text(encoding="utf-8") == "n,words\n1,one\n2,two\n"


def splits(folder: Path, data: Data) -> dict[str, str]:
    """The split of each row, by its id."""
    prepare(data, Split(), folder, None)
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in SPLITS}
    return {key: name for name, table in tables.items() for key in table["id"]}


def test_nothing_old_moves_and_new_groups_fall_by_the_hash(tmp_path: Path) -> None:
    """Each old row stays in its split; a new one goes where its group is, and a new group where its hash says."""
    old = [row for domain in ("tweets", "products") for row in rows(domain, 200)]
    data = settings(tmp_path / "table.csv", RATED)
    write_csv(tmp_path / "table.csv", old)
    before = splits(tmp_path / "before", data)
    made: Made = [{"text": f"what day {n} was", "label": "positive", "document": ""} for n in range(100)]
    made += [{"text": f"one more of {n}", "label": "negative", "document": f"products-{n}"} for n in range(1, 31)]
    new = found(tmp_path, made, old, RATED, domain="products")
    write_like(tmp_path / "table.csv", [row.cells for row in new.rows], tmp_path / "whole.csv", keep=True)
    after = splits(tmp_path / "after", settings(tmp_path / "whole.csv", RATED))
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 130
    groups = {row.cells["id"]: row.cells["document"] or row.cells["id"] for row in new.rows}
    assert {key: after[key] for key in groups} == {key: split_of(group, Split()) for key, group in groups.items()}
    assert {after[key] for key in groups} == set(SPLITS)
