"""Labelled rows that a table does not have yet, as rows of that table; whatever speaks against them is told at once."""

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

# What tables of labelled rows call the class and the day, whatever this project's table calls them.
_LABEL, _RECEIVED = "label", "received"
_REMEDY = "correct the rows; or --set COLUMN=VALUE, where all of them lack a column"
_OPTIONAL = ("data.id", "data.group")
_CELL = re.compile(r': "(?:[^"\\]|\\.)*"$')  # behind the place of a row: what stands there


class _Faults(Problems):
    """Problems, of which those of single rows are none where such rows are left out and counted."""

    def __init__(self, sources: Sequence[Path], left_out: Counter[str], lenient: bool) -> None:
        super().__init__(", ".join(map(str, sources)), _REMEDY)
        self._left_out, self._lenient, self.places = left_out, lenient, set[str]()

    def add_row(self, key: str, place: str, what: str, then: str = "") -> None:
        """Note a problem of a row, or that it is left out for the first that it has."""
        if not self._lenient:
            super().add_row(key, place, what, then)
        elif (place := _CELL.sub("", place)) not in self.places:
            self.places.add(place)
            self._left_out[f"unusable {key}"] += 1


@dataclass(frozen=True)
class Row:
    """A row with the table's columns, what it is, and where it came from; by its keys it is known again."""

    cells: dict[str, str]
    source: str
    place: str
    slice: str
    label: str
    words: int
    id: int


@dataclass(frozen=True)
class NewRows:
    """The rows to add, how many others were left out for what, and the files that were read."""

    rows: list[Row]
    left_out: Counter[str]
    sources: Sequence[Path]

    @property
    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many there are by file, slice and label."""
        return Counter((row.source, row.slice, row.label) for row in self.rows)


@dataclass(frozen=True)
class Shape:
    """What a row of the table needs, and how it is made of a row of a file that may call things otherwise."""

    data: Data
    split: Split
    columns: list[str]
    fixed: Mapping[str, str]

    def names(self, column: str) -> list[str]:
        """The columns of a file that can give a column of the table, the first that has a value does."""
        data = self.data
        labels = (data.label, data.rating.column if data.rating else None)
        return [column, *([_LABEL] if column in labels else []), *([_RECEIVED] if column == data.date else [])]

    def lacking(self, given: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The keys, with their columns, that nothing of a file with these columns can give."""
        for key, column in requested_columns(self.data, self.split):
            if key not in _OPTIONAL and column not in self.fixed and not {*self.names(column)} & {*given}:
                yield key, column

    def of(self, batch: Batch) -> Batch:
        """The rows of a file, with the columns of the table."""
        made = {column: self._cells(batch, column) for column in self.columns}
        if name := self.data.id:
            texts = zip(*(made[column] for column in (*self.data.text, *filter(None, [self.data.group]))), strict=True)
            made[name] = [cell or _id_of(text) for cell, text in zip(made[name], texts, strict=True)]
        return Batch(batch.file, batch.lines, made, batch.unit)

    def _cells(self, batch: Batch, column: str) -> list[str]:
        given = [batch.columns[name] for name in self.names(column) if name in batch.columns]
        empty = [self.fixed.get(column, "")] * len(batch.lines)
        return [next(filter(str.strip, cells), "") for cells in zip(*given, empty, strict=True)]


def _id_of(cells: Sequence[str]) -> str:
    return f"added-{hashlib.sha256(chr(0).join(cells).encode()).hexdigest()[:16]}"


def new_rows(
    data: Data, split: Split, sources: Sequence[Path], fixed: Mapping[str, str], lenient: bool = False
) -> NewRows:
    """Read labelled rows, and leave out what the table has by its words already.

    A row there stays what it is, whatever label its words have here.

    Args:
        data: the table, and what its columns mean.
        split: which columns it needs.
        sources: tables of rows: the text's columns, and the label's, or one called `label`.
        fixed: values of columns, where a row has none.
        lenient: whether a row that cannot be used, such as of a label that nobody knows, is left out and counted.

    Raises:
        VerdictError: with everything that is wrong with the rows: columns, labels, ids, encoding.
    """
    mine = Problems(data.path)
    shape = Shape(data, split, read_header(Path(data.path), mine), fixed)
    mine.raise_if_any()
    if unknown := [name for name in fixed if name not in shape.columns]:
        raise VerdictError(
            f"--set {unknown[0]}", f"{data.path} has no such column", f"one of {', '.join(shape.columns)}"
        )
    left_out = Counter[str]()
    problems = _Faults(sources, left_out, lenient)
    found = list(_read(shape, sources, problems, left_out))
    problems.raise_if_any()
    table = _Table.of(data, split, {row.words for row in found}, {row.id for row in found}, mine)
    mine.raise_if_any()
    rows = [row for row in found if table.takes(row, problems, left_out)]
    problems.raise_if_any()
    return NewRows(rows, left_out, sources)


def _read(shape: Shape, sources: Sequence[Path], problems: _Faults, left_out: Counter[str]) -> Iterator[Row]:
    for source in sources:
        given = read_header(source, problems)
        for key, column in shape.lacking(given) if given else ():  # else it was said why nothing can be read
            problems.add(key, f"no column {quoted(column)} in {source}; it has {', '.join(given[:30])}")
        if problems:
            continue
        rows = RowParser(shape.data, shape.split, problems)
        wanted = {name for column in shape.columns for name in shape.names(column)}
        read = ColumnRequest([(str(source), name) for name in given if name in wanted], problems)
        for file in table_files(source, problems):  # without a row it is no problem: nobody has sent one yet
            for batch in read_file(file, read):
                made = _made(shape.of(batch), rows, source.name)
                yield from (row for row in made if row.place not in problems.places)
        left_out.update({reason: count for (_, reason), count in rows.dropped.items()})


def _made(batch: Batch, rows: RowParser, source: str) -> Iterator[Row]:
    made = rows.parse(batch).to_pylist()
    places = {batch.location(number): number for number in range(len(batch.lines))}
    labels, slices = rows.names.labels.values(), rows.names.slices.values()
    for row in made:
        cells = {name: column[places[row["place"]]] for name, column in batch.columns.items()}
        names = (slices[row["slice"]], labels[row["label"]])
        yield Row(cells, source, row["place"], *names, row["words_key"], row["id_key"])


@dataclass
class _Table:
    """Of a table's rows those that new ones may meet, and the new ones that were taken before."""

    labels: set[str]
    there: dict[int, str]
    ids: set[int]
    taken: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data, split: Split, words: set[int], ids: set[int], problems: Problems) -> "_Table":
        """Read the table; only what has one of these words or ids stays in memory."""
        rows, there, met = RowParser(data, split, problems), dict[int, str](), set[int]()
        for batch in read_batches(Path(data.path), requested_columns(data, split), problems):
            made = rows.parse(batch)
            labels = rows.names.labels.values()
            pairs = zip(made["words_key"].to_pylist(), made["label"].to_pylist(), strict=True)
            there.update({key: labels[code] for key, code in pairs if key in words})
            met.update(ids.intersection(made["id_key"].to_pylist()))
        return cls(set(data.labels or rows.names.labels.counts), there, met)

    def takes(self, row: Row, problems: Problems, left_out: Counter[str]) -> bool:
        """Whether a row is one to add; why not is counted, or a problem."""
        for known, where in ((self.there, "in the table already"), (self.taken, "twice among these rows")):
            if (label := known.get(row.words)) is not None:
                left_out[where if label == row.label else f"{where}, under another label"] += 1
                return False
        stranger = f"{quoted(row.label)}, which no row of the table is,"
        faults = [("data.id", "an id that another text has")] * (row.id in self.ids)
        faults += [("data.label", stranger)] * (row.label not in self.labels)
        for key, what in faults:
            problems.add_row(key, row.place, what)
        if faults:
            return False
        self.ids.add(row.id)
        self.taken[row.words] = row.label
        return True
