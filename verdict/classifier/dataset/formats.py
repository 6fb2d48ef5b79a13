"""The formats of a table: readers of the rows of one file, and the problems of rows that cannot be read."""

import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain, compress
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from verdict.classifier.dataset.delimiters import DELIMITERS, delimiter_of
from verdict.classifier.dataset.problems import Problems, quoted

FORMATS = (*DELIMITERS, "jsonl", "parquet")
ROWS = 10_000  # of a batch, or fewer where they are long
MAX_ROW = 16 * 2**20  # bytes
MAX_CELL = 1_000_000  # characters
_NO_OBJECT = "no JSON object, {…} on one line,"
_NAMES = 100  # of the columns of JSON lines to remember, besides those requested: each line could have others
_REMEDY_UTF8 = "iconv -f NAME-OF-ITS-ENCODING -t UTF-8 makes it so"


class UnreadableError(Exception):
    """A file cannot be read further."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file: their lines (of parquet: the rows' numbers), and the cells of the columns asked for."""

    file: str
    lines: Sequence[int]
    columns: Mapping[str, list[str]]
    unit: str = "line"

    def location(self, row: int) -> str:
        """Describe the place of a row, for messages."""
        return f"{self.file}, {self.unit} {self.lines[row]}"

    def filter(self, kept: Sequence[bool]) -> "Batch":
        """Return the rows for which `kept` is true."""
        columns = {name: list(compress(cells, kept)) for name, cells in self.columns.items()}
        return Batch(self.file, list(compress(self.lines, kept)), columns, self.unit)


@dataclass(frozen=True, slots=True)
class ColumnRequest:
    """The columns to read, each with the key of params.yaml that names it; `problems` gets those that are missing."""

    keys: Sequence[tuple[str, str]]
    problems: Problems

    @property
    def columns(self) -> list[str]:
        """Each column once."""
        return list(dict.fromkeys(column for _, column in self.keys))

    def check_header(self, file: str, header: Sequence[str]) -> bool:
        """Return whether a file has all columns, each once; note those that are missing or repeated."""
        absent = [(key, column) for key, column in self.keys if column not in header]
        twice = [(key, column) for key, column in self.keys if header.count(column) > 1]
        shown = ", ".join(name if name.isidentifier() else quoted(name) for name in header[:30])
        by_line = len(absent) == len(self.keys) and not file.endswith((".jsonl", ".jsonl.gz", ".parquet"))
        hint = "; the first line must name the columns" if by_line else ""
        for key, column in absent:
            self.problems.add(key, f"no column {quoted(column)} in {file}; it has {shown}{hint}")
        for key, column in twice:
            self.problems.add(key, f"column {quoted(column)} stands twice in {file}")
        return not absent and not twice


def read(file: Path, kind: str, wanted: ColumnRequest) -> Iterator[Batch]:
    """Yield the rows of a file; `UnreadableError` where it cannot be read further."""
    if not file.stat().st_size:
        raise UnreadableError("empty file")
    if kind == "parquet":
        yield from _read_parquet(file, wanted)
        return
    with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
        lines = _Lines(cast(BinaryIO, stream))
        rows = _read_jsonl(file, lines, wanted) if kind == "jsonl" else _read_delimited(file, lines, wanted, kind)
        yield from rows


class _Lines:
    """The lines of a file as text, of bounded length; `number` is that of the last one, `row` the bytes of the row."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = self.row = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self.number, self.row = self.number + 1, self.row + len(line)
        if self.number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableError("is UTF-16; iconv -f UTF-16 -t UTF-8 makes it UTF-8")
        if self.row > MAX_ROW:
            raise UnreadableError(f"line {self.number}: a row of more than {MAX_ROW:,} bytes (a quote never closed?)")
        if b"\0" in line:
            what = f"a NUL byte: no text (a workbook? save it as CSV), or UTF-16 ({_REMEDY_UTF8})"
            raise UnreadableError(f"line {self.number}: {what}")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise UnreadableError(f"line {self.number}: not UTF-8 (byte 0x{byte:02x}); {_REMEDY_UTF8}") from None

    def rows(self) -> Iterator[tuple[int, str]]:
        """Each line that is not blank, with its number."""
        for line in self:
            if line.strip():
                yield self.number, line
            self.row = 0


def _batches(
    file: Path, lines: _Lines, wanted: ColumnRequest, rows: Iterable[tuple[int, Sequence[str]]]
) -> Iterator[Batch]:
    """Yield rows, which have a cell for each requested column, in batches of bounded rows and bytes."""
    names = wanted.columns
    batch_rows: list[tuple[int, Sequence[str]]] = []
    size = 0

    def batch() -> Batch:
        cells = zip(*(row for _, row in batch_rows), strict=True)
        return Batch(str(file), [number for number, _ in batch_rows], dict(zip(names, map(list, cells), strict=True)))

    for number, row in rows:
        batch_rows.append((number, row))
        size += lines.row
        if len(batch_rows) == ROWS or size > MAX_ROW:
            yield batch()
            batch_rows, size = [], 0
    if batch_rows:
        yield batch()


def _read_delimited(file: Path, lines: _Lines, wanted: ColumnRequest, kind: str) -> Iterator[Batch]:
    csv.field_size_limit(MAX_CELL)
    first = next(lines, "")
    delimiter = delimiter_of(first, kind)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    row_start = 1  # the line in which the row begins
    try:
        header = [name.strip() for name in next(reader, [])]
        if not wanted.check_header(str(file), header):
            return
        places = [header.index(column) for column in wanted.columns]

        def rows() -> Iterator[tuple[int, Sequence[str]]]:
            nonlocal row_start
            row_start = lines.number + 1
            lines.row = 0
            for cells in reader:
                if len(cells) == len(header):
                    yield row_start, [cells[place] for place in places]
                elif cells:
                    what = f"another number of cells than the {len(header)} of the first line"
                    wanted.problems.add_row(str(file), f"line {row_start} with {len(cells)}", what)
                row_start, lines.row = lines.number + 1, 0

        yield from _batches(file, lines, wanted, rows())
    except csv.Error as error:
        what = str(error)
        if "unexpected end" in what:
            what = "a quote that opens here is never closed"
        elif "field limit" in what:
            what = f"a cell of more than {MAX_CELL:,} characters, or a quote that is never closed"
        elif "new-line" in what:
            what = "a carriage return that is not at its end: quote the cell, or end the lines with a line feed"
        raise UnreadableError(f"line {row_start}: {what}") from None


def _read_jsonl(file: Path, lines: _Lines, wanted: ColumnRequest) -> Iterator[Batch]:
    names: dict[str, None] = {}
    requested = set(wanted.columns)

    def rows() -> Iterator[tuple[int, Sequence[str]]]:
        for number, line in lines.rows():
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise TypeError(_NO_OBJECT)
                cells = [_cell_text(row.get(column)) for column in wanted.columns]
            except (ValueError, RecursionError):
                wanted.problems.add_row(str(file), f"line {number}", _NO_OBJECT)
            except TypeError as error:
                wanted.problems.add_row(str(file), f"line {number}", str(error))
            else:
                names.update(dict.fromkeys(name for name in row if len(names) < _NAMES or name in requested))
                yield number, [cell if cell.isascii() else _replace_lone_surrogates(cell) for cell in cells]

    yield from _batches(file, lines, wanted, rows())
    if names:
        wanted.check_header(str(file), list(names))


def _replace_lone_surrogates(cell: str) -> str:
    """Replace half surrogate pairs, which JSON can hold and UTF-8 cannot, by the replacement character."""
    return cell.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_parquet(file: Path, wanted: ColumnRequest) -> Iterator[Batch]:
    with pq.ParquetFile(file, buffer_size=2**20, pre_buffer=False) as opened:
        schema = opened.schema_arrow
        if not wanted.check_header(str(file), schema.names):
            return
        nested = {name: kind for name in wanted.columns if pa.types.is_nested(kind := schema.field(name).type)}
        for key, column in wanted.keys:
            if column in nested:
                wanted.problems.add(key, f"column {quoted(column)} of {file} holds {nested[column]}, not one value")
        if nested:
            return
        read = 0
        for part in opened.iter_batches(ROWS, columns=wanted.columns):
            try:
                columns = {name: list(map(_cell_text, part.column(name).to_pylist())) for name in wanted.columns}
            except TypeError as error:
                raise UnreadableError(f"rows from {read + 1} on: {error}") from None
            yield Batch(str(file), range(read + 1, read + len(part) + 1), columns, "row")
            read += len(part)


def _cell_text(value: object) -> str:
    """Convert a value to text; `TypeError` if it is no single value."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} in place of a text or number")
