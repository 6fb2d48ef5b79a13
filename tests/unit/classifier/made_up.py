"""A made-up table with every kind of column, and ways to write it well or badly."""

import csv
import gzip
import io
import json
import os
import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, str]
Writer = Callable[[Path], None]  # is given the folder data/raw, which is empty
SIZE = 600
NAME = "table.csv"
_FIRST = date(2024, 1, 1)
_COMMON = ["day", "wall", "street", "window", "garden", "river", "engine", "paper", "winter", "bottle"]
_TELLING = {"red": ["brick", "rose", "clay", "cherry"], "blue": ["sea", "sky", "ink", "whale"]}


def rows(size: int = SIZE) -> list[Row]:
    """Rows of two classes, of which each has words of its own; columns for every key of `data` and `split`."""
    return [{**row} for row in _rows(size)]


@cache
def _rows(size: int) -> list[Row]:
    draw = random.Random(14)
    return [_row(draw, number) for number in range(size)]


def _row(draw: random.Random, number: int) -> Row:
    label = ("red", "blue")[number % 2]
    words = [*draw.sample(_COMMON, 4), *draw.sample(_TELLING[label], 2), f"item{number}"]
    return {
        "key": f"k{number}",
        "title": f"About {draw.choice(_COMMON)}",
        "words": " ".join(words),
        "colour": label,
        "thread": f"t{number // 3}",
        "place": ("north", "south")[number // 2 % 2],
        "sent": str(_FIRST + timedelta(days=number)),
        "times": str(1 + number % 3),
        "score": f"{(2.5 if label == 'blue' else -2.5) + number % 5 / 10:.1f}",
        "part": ("train", "train", "train", "validation", "test")[number // 3 % 5],
    }


def as_csv(table: Iterable[Row], separator: str = ",") -> bytes:
    """The table as CSV in UTF-8."""
    table = list(table)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n", delimiter=separator)
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode()


def as_lines(table: Iterable[object]) -> bytes:
    """The values as JSON, one a line."""
    return "".join(json.dumps(row) + "\n" for row in table).encode()


def as_parquet(columns: dict[str, list[object]]) -> bytes:
    """The columns as parquet."""
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


def columns() -> dict[str, list[object]]:
    """The table by column."""
    table = rows()
    return {name: [row[name] for row in table] for name in table[0]}


def files(**contents: bytes) -> Writer:
    """Writes files; of a name's `__` a dot is made."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / name.replace("__", ".")).write_bytes(content)

    return write


def damaged(change: Callable[[bytes], bytes]) -> Writer:
    """Writes the table as CSV whose bytes were changed."""

    def write(folder: Path) -> None:
        files(table__csv=change(as_csv(rows())))(folder)

    return write


def line(number: int, content: str) -> Writer:
    """Writes the table as CSV, in which another line stands at `number` (the header is 1)."""

    def change(content_of: bytes) -> bytes:
        lines = content_of.decode().splitlines()
        lines[number - 1] = content
        return ("\n".join(lines) + "\n").encode()

    return damaged(change)


def cells(at: Iterable[int], **values: str | Callable[[int], str]) -> Writer:
    """Writes the table as CSV, in which these rows (from 0; line 2 of the file) have other values."""

    def write(folder: Path) -> None:
        table = rows()
        for number in at:
            own = {name: value if isinstance(value, str) else value(number) for name, value in values.items()}
            table[number] |= own
        files(table__csv=as_csv(table))(folder)

    return write


def whole(**values: str | Callable[[int], str]) -> Writer:
    """Writes the table as CSV, in which every row has other values."""
    return cells(range(SIZE), **values)


def json_line(number: int, value: object) -> Writer:
    """Writes the table as JSON lines, of which one is another value."""
    table: list[object] = [*rows()]
    table[number - 1] = value
    return files(table__jsonl=as_lines(table))


def cut_gzip(folder: Path) -> None:
    """Writes the first half of a compressed table."""
    content = gzip.compress(as_csv(rows()))
    (folder / "table.csv.gz").write_bytes(content[: len(content) // 2])


def endless_line(folder: Path) -> None:
    """Writes a table whose last line has two billion characters, and takes no room on the disk."""
    path = folder / NAME
    path.write_bytes(as_csv(rows()))
    os.truncate(path, 2_000_000_000)


def loop(folder: Path) -> None:
    """Makes a link that leads to itself."""
    (folder / NAME).symlink_to(NAME)


def pipe(folder: Path) -> None:
    """Makes a pipe that nobody writes to: whoever opens it waits."""
    os.mkfifo(folder / NAME)


def empty_folder(folder: Path) -> None:
    """Makes a folder with nothing in it."""
    (folder / "tables").mkdir()


def mixed_folder(folder: Path) -> None:
    """Makes a folder with two formats in it."""
    (folder / "tables").mkdir()
    (folder / "tables" / "a.csv").write_bytes(as_csv(rows()[:100]))
    (folder / "tables" / "b.jsonl").write_bytes(as_lines(rows()[100:]))


def unlike_folder(folder: Path) -> None:
    """Makes a folder of two tables, of which the second lacks a column."""
    (folder / "tables").mkdir()
    (folder / "tables" / "a.csv").write_bytes(as_csv(rows()[:100]))
    rest = [{name: value for name, value in row.items() if name != "words"} for row in rows()[100:]]
    (folder / "tables" / "b.csv").write_bytes(as_csv(rest))
