"""Tests of verdict/classifier/dataset/table.py and formats.py: what is read of a file, and what is said of bad ones."""

import gzip
import json
import tracemalloc
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verdict.base.errors import VerdictError
from verdict.classifier.dataset import formats
from verdict.classifier.dataset.problems import Problems
from verdict.classifier.dataset.table import read_batches

ROWS: list[dict[str, object]] = [
    {"text": "a fine lamp", "label": "good", "other": 1},
    {"text": 'two\nlines, "quoted"', "label": "bad", "other": 2},
    {"text": "ein schöner Fluß 川", "label": "good", "other": 3},
]
KEYS = [("data.text", "text"), ("data.label", "label")]


def read(path: Path, keys: Sequence[tuple[str, str]] = KEYS) -> list[tuple[str, ...]]:
    """The cells of all rows; `VerdictError` with all problems."""
    problems = Problems("it")
    found = [row for batch in read_batches(path, keys, problems) for row in zip(*batch.columns.values(), strict=True)]
    problems.raise_if_any()
    return found


def refused(path: Path, keys: Sequence[tuple[str, str]] = KEYS) -> str:
    """The message with which a table is refused."""
    with pytest.raises(VerdictError) as caught:
        read(path, keys)
    return str(caught.value)


def as_csv(delimiter: str = ",") -> bytes:
    """The rows as csv or tsv."""
    quoted = '"two\nlines, ""quoted"""'
    lines = [("text", "label", "other"), ("a fine lamp", "good", "1"), (quoted, "bad", "2")]
    lines.append(("ein schöner Fluß 川", "good", "3"))
    return "".join(f"{delimiter.join(line)}\n" for line in lines).encode()


def as_jsonl() -> bytes:
    """The rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def write_parquet(path: Path, columns: Mapping[str, object]) -> Path:
    """A parquet file of some columns."""
    pq.write_table(pa.table(columns), path)
    return path


def test_every_format_gives_the_same_cells(tmp_path: Path) -> None:
    """csv, tsv, jsonl, packed or not, with a byte-order mark, CRLF or semicolons, and parquet are read alike."""
    expected = [(str(row["text"]), str(row["label"])) for row in ROWS]
    contents = {"a.csv": as_csv(), "b.tsv": as_csv("\t"), "c.jsonl": as_jsonl(), "d.csv": b"\xef\xbb\xbf" + as_csv()}
    contents |= {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    contents |= {
        "g.csv": as_csv(";"),
        "h.csv": b"\xef\xbb\xbf" + as_csv(";"),
        "i.csv": as_csv("\t"),
        "j.tsv": as_csv("|"),
    }
    contents["e.CSV"] = as_csv().replace(b"\n", b"\r\n").replace(b"two\r\nlines", b"two\nlines")
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == expected, name
    table = write_parquet(tmp_path / "f.parquet", {name: [row[name] for row in ROWS] for name in ROWS[0]})
    assert read(table) == expected


def test_a_folder_is_one_table_by_name(tmp_path: Path) -> None:
    """Files of a folder follow one another by name; hidden files and DVC's pointers are none of them."""
    for name, word in (("b.csv", "second"), ("a.csv.gz", "first")):
        content = f"label,text\nx,{word}\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for name in (".gitignore", "a.csv.dvc"):
        (tmp_path / name).write_text("outs:", encoding="utf-8")
    assert read(tmp_path) == [("first", "x"), ("second", "x")]


def test_places_are_the_lines_in_which_rows_begin(tmp_path: Path) -> None:
    """Cells with line ends and blank lines count, so that a place can be gone to in an editor."""
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"one\ntwo",a\n\nthree,b\n', encoding="utf-8")
    (batch,) = read_batches(path, KEYS, Problems("it"))
    assert [batch.location(row) for row in range(2)] == [f"{path}, line 2", f"{path}, line 5"]


def test_batches_are_bounded_in_rows_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the table is, a batch has so many rows or bytes at most."""
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "word,x\n" * 25, encoding="utf-8")
    monkeypatch.setattr(formats, "ROWS", 10)
    assert [len(batch.lines) for batch in read_batches(path, KEYS, Problems("it"))] == [10, 10, 5]
    monkeypatch.setattr(formats, "MAX_ROW", 40)
    assert max(len(batch.lines) for batch in read_batches(path, KEYS, Problems("it"))) == 6


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        (float("nan"), ""),
        (date(2020, 2, 1), "2020-02-01"),
    ],
)
def test_values_that_are_no_text_become_it(tmp_path: Path, value: object, cell: str) -> None:
    """Numbers are written as short as they can be, a missing value is an empty cell, a date is ISO 8601."""
    path = write_parquet(tmp_path / "a.parquet", {"text": ["a"], "label": [value]})
    assert read(path) == [("a", cell)]


def test_half_a_surrogate_in_json_becomes_the_mark_of_damage(tmp_path: Path) -> None:
    r"""A text that UTF-8 cannot hold ("\ud83d" alone) is readable, and shows that it is damaged."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a \\ud83d", "label": "x"}\n', encoding="utf-8")
    assert read(path) == [("a \ufffd", "x")]


BAD: dict[str, tuple[str, bytes | None, str]] = {
    "missing": ("a.csv", None, "data.path: no such file or folder"),
    "unknown format": ("a.xlsx", b"PK", "a.xlsx is no table"),
    "packed parquet": ("a.parquet.gz", b"PK", "is no table"),
    "empty": ("a.csv", b"", "empty file"),
    "header alone": ("a.csv", b"text,label\n", "no row can be read"),
    "no header": ("a.csv", b"a lamp,good\na boat,bad\n", 'no column "text" in'),
    "other separator": ("a.csv", b"text:label\na:b\n", 'it has "text:label"'),
    "column twice": ("a.csv", b"text,label,text\na,b,c\n", 'column "text" stands twice'),
    "ragged": (
        "a.csv",
        b"text,label\na,b\nc\nd,e,f\n",
        "another number of cells than the 2 of the first line in 2 rows",
    ),
    "latin-1": ("a.csv", b"text,label\na,b\ncaf\xe9,b\n", "line 3: not UTF-8 (byte 0xe9)"),
    "UTF-16": ("a.csv", "text,label\na,b\n".encode("utf-16"), "is UTF-16"),
    "UTF-16 without mark": ("a.csv", "text,label\na,b\n".encode("utf-16-le"), "a NUL byte"),
    "NUL": ("a.tsv", b"text\tlabel\na\0\tb\n", "line 2: a NUL byte"),
    "quote never closed": ("a.csv", b'text,label\na,b\n"c,b\nd,b\n', "line 3: a quote that opens here is never closed"),
    "letters after a quote": ("a.csv", b'text,label\n"a" lamp,b\n', "line 2: ',' expected"),
    "lone carriage return": ("a.csv", b"text,label\ra,b\r", "line 1: a carriage return"),
    "endless cell": ("a.csv", b'text,label\n"' + b"a\n" * 600_000 + b'",b\n', "a cell of more than 1,000,000"),
    "gz cut off": ("a.csv.gz", gzip.compress(as_csv() * 99)[:-20], "is cut off or damaged"),
    "gz that is none": ("a.csv.gz", as_csv(), "is cut off or damaged"),
    "no JSON": (
        "a.jsonl",
        b'{"text": "a", "label": "b"}\n{"text"\n',
        "no JSON object, {…} on one line, in 1 row (first: line 2)",
    ),
    "no object": ("a.jsonl", b'["text", "label"]\n', "no JSON object"),
    "nested JSON": ("a.jsonl", b'{"text": ["a"], "label": "b"}\n', "a list in place of a text or number"),
    "endless nesting": ("a.jsonl", b"[" * 100_000, "no JSON"),
    "endless number": ("a.jsonl", b'{"text": "a", "label": ' + b"1" * 5000 + b"}", "no JSON"),
    "no such key": ("a.jsonl", b'{"text": "a", "lable": "b"}\n', 'no column "label" in'),
    "no parquet": ("a.parquet", b"a lamp", "not readable as parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    """Each bad file ends in one message that names it, what is wrong, and where."""
    file, content, expected = BAD[name]
    if content is not None:
        (tmp_path / file).write_bytes(content)
    message = refused(tmp_path / file)
    assert expected in message
    assert file in message


def test_a_folder_of_mixed_formats_or_strange_files_is_refused(tmp_path: Path) -> None:
    """A folder is one table: a file of another format, one that is no table, a folder in it, or nothing is named."""
    assert "a folder without files is no table" in refused(tmp_path)
    (tmp_path / "a.csv").write_bytes(as_csv())
    (tmp_path / "b.jsonl").write_bytes(as_jsonl())
    assert "mixes csv and jsonl" in refused(tmp_path)
    (tmp_path / "deep.csv").mkdir()
    (tmp_path / "README.md").touch()
    assert "README.md, deep.csv is no table" in refused(tmp_path)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("list<", [["a"]]), ("struct", [{"a": 1}])],
    ids=["list", "struct"],
)
def test_a_nested_column_of_parquet_is_refused_where_it_is_read(tmp_path: Path, kind: str, value: list[object]) -> None:
    """A list or a struct is no text, and told with the key that asks for it; other columns may be anything."""
    path = write_parquet(tmp_path / "a.parquet", {"text": value, "label": ["b"]})
    message = refused(path)
    assert 'data.text: column "text"' in message
    assert kind in message
    assert read(path, KEYS[1:]) == [("b",)]


def test_bytes_in_parquet_are_no_text(tmp_path: Path) -> None:
    """A binary column is refused with its rows."""
    path = write_parquet(tmp_path / "a.parquet", {"text": [b"a"], "label": ["b"]})
    assert "rows from 1 on: a bytes in place of a text or number" in refused(path)


def test_a_line_of_two_gigabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    """A line without end costs no more memory than the longest row that is allowed."""
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"text,label\n")
        file.truncate(2 * 2**30)
    tracemalloc.start()
    try:
        message = refused(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * formats.MAX_ROW
    finally:
        tracemalloc.stop()
    assert "line 2: a row of more than 16,777,216 bytes" in message


def test_a_row_of_many_lines_is_bounded_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row whose cells each hold line ends is cut off at the same length as one line."""
    monkeypatch.setattr(formats, "MAX_ROW", 1000)
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + '"a\n",' * 500, encoding="utf-8")
    assert "a row of more than 1,000 bytes" in refused(path)
    path.write_text("text,label\n" + '"a\n",b\n' * 500, encoding="utf-8")
    assert len(read(path)) == 500


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    """Two unknown columns of two keys are two lines of one message, with the columns that there are."""
    path = tmp_path / "a.csv"
    path.write_text("message,label\na,b\n", encoding="utf-8")
    message = refused(path, [("data.text", "subject"), ("data.group", "thread"), ("data.label", "label")])
    assert f'data.text: no column "subject" in {path}; it has message, label\n' in message
    assert f'data.group: no column "thread" in {path}; it has message, label\n' in message
