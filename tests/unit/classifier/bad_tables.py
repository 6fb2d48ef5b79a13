"""Tables that cannot be used: how each is written, which params go with it, and the words that its one message has."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.unit.classifier import made_up
from tests.unit.classifier.made_up import (
    SIZE,
    Writer,
    as_csv,
    as_lines,
    as_parquet,
    cells,
    columns,
    damaged,
    files,
    json_line,
    line,
    rows,
    whole,
)

CSV = "data/raw/table.csv"
GOOD: dict[str, Any] = {"path": CSV, "text": "words", "label": "colour"}
RATED = {"label": None, "labels": ["red", "blue"], "rating": {"column": "score", "limits": [-4, 4]}}
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body><p>You are not, yet.</p></body></html>\n"


@dataclass(frozen=True, slots=True)
class Bad:
    """A table and its params; the words that the message must have; the stage that says it."""

    name: str
    write: Writer
    words: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    stage: str = "prepare"


def _as(suffix: str) -> dict[str, Any]:
    return {"path": f"data/raw/table.{suffix}"}


def _nested() -> Writer:
    return files(table__parquet=as_parquet({**columns(), "words": [["a", "b"]] * SIZE}))


def _twice(first: str) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(first.encode(), b"words", 1)


FILES = [
    Bad("no such file", lambda _: None, (CSV, "no such file")),
    Bad("empty file", files(table__csv=b""), (CSV, "empty")),
    Bad("header only", damaged(lambda content: content.splitlines()[0] + b"\n"), (CSV, "no row")),
    Bad("no header", damaged(lambda content: content.split(b"\n", 1)[1]), ("data.text", "words", "first line")),
    Bad("colons", files(table__csv=as_csv(rows(), ":")), ("data.text", "words", ":")),
    Bad("too many fields", line(7, "k,t,some, words,red,t,north,2024-01-01,1,1.0,train"), (CSV, "line 7", "11", "10")),
    Bad("too few fields", line(9, "k9,About it,some words"), (CSV, "line 9", "3", "10")),
    Bad("Latin-1", damaged(lambda c: c.replace(b"item3", "caf\u00e9".encode("latin-1"))), (CSV, "line 5", "UTF-8")),
    Bad("UTF-16", damaged(lambda content: content.decode().encode("utf-16")), (CSV, "UTF-16")),
    Bad(
        "open quote",
        damaged(lambda content: content.replace(b",About", b',"About', 1)),
        (CSV, "line 2", "quote"),
    ),
    Bad("NUL bytes", damaged(lambda content: content.replace(b"item3", b"it\0m3")), (CSV, "line 5", "NUL")),
    Bad("old line ends", damaged(lambda content: content.replace(b"\n", b"\r")), (CSV, "line 1", "carriage return")),
    Bad("column twice", damaged(_twice("title")), (CSV, "words", "twice")),
    Bad("endless line", made_up.endless_line, (CSV, "line")),
    Bad("cut gzip", made_up.cut_gzip, ("table.csv.gz", "unpacked"), _as("csv.gz")),
    Bad("not gzip", files(table__csv__gz=as_csv(rows())), ("table.csv.gz", "unpacked"), _as("csv.gz")),
    Bad(
        "folder of two formats",
        made_up.mixed_folder,
        ("data/raw/tables", "csv", "jsonl"),
        {"path": "data/raw/tables"},
    ),
    Bad("empty folder", made_up.empty_folder, ("data/raw/tables", "no"), {"path": "data/raw/tables"}),
    Bad("folder of unlike tables", made_up.unlike_folder, ("b.csv", "words"), {"path": "data/raw/tables"}),
    Bad("list in a parquet", _nested(), ("data.text", "words", "list"), _as("parquet")),
    Bad("not a parquet", files(table__parquet=as_csv(rows())), ("table.parquet", "parquet"), _as("parquet")),
    Bad("line that is no object", json_line(4, ["a", "b"]), ("table.jsonl", "line 4", "object"), _as("jsonl")),
    Bad(
        "line that is no JSON",
        files(table__jsonl=as_lines(rows()) + b"{'words': 1}\n"),
        ("table.jsonl", "line 601", "JSON"),
        _as("jsonl"),
    ),
    Bad(
        "indented JSON",
        files(table__jsonl=json.dumps(rows(), indent=1).encode()),
        ("line 1", "on one line"),
        _as("jsonl"),
    ),
    Bad("one big JSON list", files(table__jsonl=as_lines([rows()])), ("table.jsonl", "line 1", "object"), _as("jsonl")),
    Bad(
        "object as text",
        json_line(3, {**rows()[2], "words": {"a": 1}}),
        ("table.jsonl", "line 3"),
        _as("jsonl"),
    ),
    Bad("web page", files(table__csv=_PAGE), (CSV, "<!DOCTYPE html>", "first line")),
    Bad("Excel", files(table__csv=b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 8), (CSV, "no text")),
    Bad("unknown format", files(table__xlsx=b"PK\x03\x04"), ("table.xlsx", "csv", "parquet"), _as("xlsx")),
    Bad(
        "Git LFS pointer",
        files(table__csv=b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
        (CSV,),
    ),
    Bad("loop of links", made_up.loop, (CSV,)),
    Bad("pipe", made_up.pipe, (CSV,)),
    Bad("path outside", lambda _: None, ("data.path", "outside"), {"path": "../table.csv"}),
    Bad("absolute path", lambda _: None, ("data.path", "outside"), {"path": "/etc/passwd.csv"}),
]

COLUMNS = [
    Bad("unknown column", whole(), ("data.text", '"wrods"', CSV, "words", "colour"), {"text": "wrods"}),
    Bad(
        "several unknown columns",
        whole(),
        ("data.text", "wrods", "data.label", "color", "data.group", "tread"),
        {"text": "wrods", "label": "color", "group": "tread"},
    ),
    Bad("no text at all", whole(words=""), ("data.text", "600"), {}),
    Bad(
        "labels with a stranger",
        cells([15, 31], colour="Red"),
        ("data.labels", '"Red"', "2 rows", "line 17"),
        {"labels": ["red", "blue"]},
    ),
    Bad("rows without label", cells([4, 5], colour=""), ("data.label", "2 rows", "line 6")),
    Bad("positive of no row", whole(), ("data.positive", "green", "red", "blue"), {"positive": "green"}),
    Bad("label of no row", whole(), ("data.labels", "green"), {"labels": ["red", "blue", "green"]}),
    Bad(
        "labels by the thousand",
        files(table__csv=as_csv({**row, "colour": row["key"]} for row in rows(5000))),
        ("data.label", "5,000"),
    ),
    Bad("label of two lines", cells([4, 5], colour="a\nb"), ("data.label", '"a\\nb"', "line")),
    Bad("label like a text", cells([4, 5], colour="long " * 50), ("data.label", "long", "100")),
    Bad("slice of two lines", cells([4, 5], place="a\nb"), ("data.slice", '"a\\nb"', "line"), {"slice": "place"}),
    Bad("slice like a text", cells([4, 5], place="long " * 50), ("data.slice", "long", "100"), {"slice": "place"}),
    Bad("label in the text", whole(), ("data", "text", "colour"), {"text": ["words", "colour"]}),
    Bad("one class", whole(colour="red"), ("data.label", "red")),
    Bad("id twice", cells([9, 10, 20], key="k3"), ("data.id", "k3", "line 11"), {"id": "key"}),
    Bad("no id", cells([9], key=""), ("data.id", "line 11"), {"id": "key"}),
    Bad("one group", whole(thread="t"), ("data.group", "thread"), {"group": "thread"}),
    Bad("slice named overall", cells([7], place="overall"), ("data.slice", "overall"), {"slice": "place"}),
    Bad("no slice", cells([7], place=""), ("data.slice", "line 9"), {"slice": "place"}),
    Bad("weight below zero", cells([3], times="-1"), ("data.weight", "-1", "line 5"), {"weight": "times"}),
    Bad("weight of NaN", cells([3], times="NaN"), ("data.weight", "line 5"), {"weight": "times"}),
    Bad("weight in words", cells([3], times="often"), ("data.weight", "often", "line 5"), {"weight": "times"}),
    Bad("weights of nothing", whole(times="0"), ("data.weight",), {"weight": "times"}),
    Bad("rating too high", cells([3], score="4.5"), ("data.rating", "4.5", "line 5"), RATED),
    Bad("rating in words", cells([3], score="good"), ("data.rating", "good", "line 5"), RATED),
    Bad("no rating", cells([3], score=""), ("data.rating", "line 5"), RATED),
    Bad("rating of NaN", cells([3], score="nan"), ("data.rating", "line 5"), RATED),
]

TEXTS = [
    Bad("two labels", cells([8, 9], words="the very same words"), ("data.conflicts", "2 rows", "drop", "first")),
    Bad("encoding damage", cells([8], words="it\u00e2\u20ac\u2122s a day"), ("data.damaged", "line 10", "drop")),
    Bad(
        "too long",
        cells([8], words="word " * 50),
        ("data.too_long", "line 10", "100"),
        {"too_long": "stop", "max_text_length": 100},
    ),
]

SPLITS = [
    Bad(
        "date in words",
        cells([6], sent="some day"),
        ("data.date", "some day", "line 8"),
        {"date": "sent"},
        {"by": "date"},
    ),
    Bad(
        "impossible date",
        cells([6], sent="2024-02-31"),
        ("data.date", "2024-02-31", "line 8"),
        {"date": "sent"},
        {"by": "date"},
    ),
    Bad("no date", cells([6, 7], sent=""), ("data.date", "2 rows", "line 8"), {"date": "sent"}, {"by": "date"}),
    Bad("ambiguous dates", whole(sent="03/04/2024"), ("data.date", "03/04/2024"), {"date": "sent"}, {"by": "date"}),
    Bad(
        "one date",
        whole(sent="2024-01-01"),
        ("split", "validation", "test", "one date"),
        {"date": "sent"},
        {"by": "date"},
    ),
    Bad("split by no date", whole(), ("split.by", "data.date"), {}, {"by": "date"}),
    Bad(
        "unknown split",
        cells([6], part="dev"),
        ("split.column", "dev", "train", "validation", "test", "line 8"),
        {},
        {"by": "column", "column": "part"},
    ),
    Bad(
        "no row to test",
        whole(part=lambda number: ("train", "validation")[number % 2]),
        ("split", "test", "column"),
        {},
        {"by": "column", "column": "part"},
    ),
    Bad("no such split column", whole(), ("split.column", "fold", "part"), {}, {"by": "column", "column": "fold"}),
    Bad(
        "torn group",
        cells([0], part="test"),
        ("split.column", "t0"),
        {"group": "thread"},
        {"by": "column", "column": "part"},
    ),
    Bad("too few rows", files(table__csv=as_csv(rows(40))), ("at least",), stage="validate"),
]

BAD = [*FILES, *COLUMNS, *TEXTS, *SPLITS]
