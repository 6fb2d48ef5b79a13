"""Read labelled rows that a table does not have yet, as rows of that table; report all their problems at once."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.formats import Batch, ColumnRequest
from verdict.classifier.dataset.parts import requested_columns
from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.dataset.rows import RowParser
from verdict.classifier.dataset.table import read_batches, read_file, read_header, table_files
from verdict.classifier.params.data import Data, Split

# Column names of the class and the day in tables of labelled rows, besides those of this project's table.
_LABEL, _RECEIVED = "label", "received"
_REMEDY = "correct the rows; or --set COLUMN=VALUE, where all of them lack a column"
_OPTIONAL = ("data.id", "data.group")
_CELL = re.compile(r': "(?:[^"\\]|\\.)*"$')  # the content of a cell, after the place of its row


class _RowProblems(Problems):
    """Problems; if `lenient`, rows with a problem are left out and counted instead."""

    def __init__(self, sources: Sequence[Path], left_out: Counter[str], lenient: bool) -> None:
        super().__init__(", ".join(map(str, sources)), _REMEDY)
        self._left_out, self._lenient, self.places = left_out, lenient, set[str]()

    def add_row(self, key: str, place: str, what: str, then: str = "") -> None:
        """Note a problem of a row; if lenient, count the row as left out for its first problem."""
        if not self._lenient:
            super().add_row(key, place, what, then)
        elif (place := _CELL.sub("", place)) not in self.places:
            self.places.add(place)
            self._left_out[f"unusable {key}"] += 1


@dataclass(frozen=True)
class Row:
    """A row: its cells by the table's columns, its source, place, slice and label; `words` and `id` are hashes."""

    cells: dict[str, str]
    source: str
    place: str
    slice: str
    label: str
    words: int
    id: int


@dataclass(frozen=True)
class NewRows:
    """The rows to add, the number of left-out rows by reason, and the files that were read."""

    rows: list[Row]
    left_out: Counter[str]
    sources: Sequence[Path]

    @property
    def counts(self) -> Counter[tuple[str, str, str]]:
        """The number of rows by file, slice and label."""
        return Counter((row.source, row.slice, row.label) for row in self.rows)


@dataclass(frozen=True)
class _TableColumns:
    """The columns of the table, and how to fill them from a file with other column names."""

    data: Data
    split: Split
    names: list[str]
    fixed: Mapping[str, str]

    def source_columns(self, column: str) -> list[str]:
        """Return the columns of a file that can fill a column of the table, in order of preference."""
        data = self.data
        labels = (data.label, data.rating.column if data.rating else None)
        return [column, *([_LABEL] if column in labels else []), *([_RECEIVED] if column == data.date else [])]

    def missing(self, header: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the keys, with their columns, that a file with these columns cannot fill."""
        for key, column in requested_columns(self.data, self.split):
            if key not in _OPTIONAL and column not in self.fixed and not {*self.source_columns(column)} & {*header}:
                yield key, column

    def convert(self, batch: Batch) -> Batch:
        """Return the rows of a file with the columns of the table."""
        table = {column: self._cells(batch, column) for column in self.names}
        if name := self.data.id:
            texts = zip(*(table[column] for column in (*self.data.text, *filter(None, [self.data.group]))), strict=True)
            table[name] = [cell or _id_of(text) for cell, text in zip(table[name], texts, strict=True)]
        return Batch(batch.file, batch.lines, table, batch.unit)

    def _cells(self, batch: Batch, column: str) -> list[str]:
        candidates = [batch.columns[name] for name in self.source_columns(column) if name in batch.columns]
        fallback = [self.fixed.get(column, "")] * len(batch.lines)
        return [next(filter(str.strip, cells), "") for cells in zip(*candidates, fallback, strict=True)]


def _id_of(cells: Sequence[str]) -> str:
    return f"added-{hashlib.sha256(chr(0).join(cells).encode()).hexdigest()[:16]}"


def new_rows(
    data: Data, split: Split, sources: Sequence[Path], fixed: Mapping[str, str], lenient: bool = False
) -> NewRows:
    """Read labelled rows, and leave out those whose words the table has already, with this or another label.

    Args:
        data: the table, and the meaning of its columns.
        split: the split, which may need further columns.
        sources: tables of rows: the text's columns, and the label's, or one called `label`.
        fixed: values of columns that a row lacks.
        lenient: whether unusable rows, such as with an unknown label, are left out and counted.

    Raises:
        VerdictError: the rows have problems; it lists all: columns, labels, ids, encoding.
    """
    table_problems = Problems(data.path)
    columns = _TableColumns(data, split, read_header(Path(data.path), table_problems), fixed)
    table_problems.raise_if_any()
    if unknown := [name for name in fixed if name not in columns.names]:
        raise VerdictError(
            f"--set {unknown[0]}", f"{data.path} has no such column", f"one of {', '.join(columns.names)}"
        )
    left_out = Counter[str]()
    problems = _RowProblems(sources, left_out, lenient)
    candidates = list(_read(columns, sources, problems, left_out))
    problems.raise_if_any()
    table = _Table.of(data, split, {row.words for row in candidates}, {row.id for row in candidates}, table_problems)
    table_problems.raise_if_any()
    rows = [row for row in candidates if table.takes(row, problems, left_out)]
    problems.raise_if_any()
    return NewRows(rows, left_out, sources)


def _read(
    columns: _TableColumns, sources: Sequence[Path], problems: _RowProblems, left_out: Counter[str]
) -> Iterator[Row]:
    for source in sources:
        header = read_header(source, problems)
        for key, column in columns.missing(header) if header else ():  # an empty header is a problem already
            problems.add(key, f"no column {quoted(column)} in {source}; it has {', '.join(header[:30])}")
        if problems:
            continue
        parser = RowParser(columns.data, columns.split, problems)
        names = {name for column in columns.names for name in columns.source_columns(column)}
        request = ColumnRequest([(str(source), name) for name in header if name in names], problems)
        for file in table_files(source, problems):  # a file without rows is no problem
            for batch in read_file(file, request):
                converted = _parse(columns.convert(batch), parser, source.name)
                yield from (row for row in converted if row.place not in problems.places)
        left_out.update({reason: count for (_, reason), count in parser.dropped.items()})


def _parse(batch: Batch, parser: RowParser, source: str) -> Iterator[Row]:
    parsed = parser.parse(batch).to_pylist()
    places = {batch.location(number): number for number in range(len(batch.lines))}
    labels, slices = parser.names.labels.values(), parser.names.slices.values()
    for row in parsed:
        cells = {name: column[places[row["place"]]] for name, column in batch.columns.items()}
        names = (slices[row["slice"]], labels[row["label"]])
        yield Row(cells, source, row["place"], *names, row["words_key"], row["id_key"])


@dataclass
class _Table:
    """The rows of a table that share words or an id with new rows, and the new rows that were taken."""

    labels: set[str]
    existing: dict[int, str]
    ids: set[int]
    taken: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data, split: Split, words: set[int], ids: set[int], problems: Problems) -> "_Table":
        """Read the table; only rows with one of these words or ids stay in memory."""
        parser, label_by_words, known_ids = RowParser(data, split, problems), dict[int, str](), set[int]()
        for batch in read_batches(Path(data.path), requested_columns(data, split), problems):
            parsed = parser.parse(batch)
            labels = parser.names.labels.values()
            pairs = zip(parsed["words_key"].to_pylist(), parsed["label"].to_pylist(), strict=True)
            label_by_words.update({key: labels[code] for key, code in pairs if key in words})
            known_ids.update(ids.intersection(parsed["id_key"].to_pylist()))
        return cls(set(data.labels or parser.names.labels.counts), label_by_words, known_ids)

    def takes(self, row: Row, problems: Problems, left_out: Counter[str]) -> bool:
        """Return whether to add a row; if not, count it as left out, or note a problem."""
        for known, where in ((self.existing, "in the table already"), (self.taken, "twice among these rows")):
            if (label := known.get(row.words)) is not None:
                left_out[where if label == row.label else f"{where}, under another label"] += 1
                return False
        unknown_label = f"{quoted(row.label)}, which no row of the table is,"
        faults = [("data.id", "an id that another text has")] * (row.id in self.ids)
        faults += [("data.label", unknown_label)] * (row.label not in self.labels)
        for key, what in faults:
            problems.add_row(key, row.place, what)
        if faults:
            return False
        self.ids.add(row.id)
        self.taken[row.words] = row.label
        return True
