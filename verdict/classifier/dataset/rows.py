"""Turns the cells of a table into rows: joins and cleans texts, finds labels, parses numbers and dates."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from verdict.classifier.dataset.formats import Batch
from verdict.classifier.dataset.names import LabelsAndSlices
from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.dataset.ratings import label_of, typical
from verdict.classifier.dataset.splits import SPLITS, hash64, normalise
from verdict.classifier.dataset.text import CLEANING, Text
from verdict.classifier.params.data import Data, Split, shortest
from verdict.classifier.params.metric_names import OVERALL

_NONE: Mapping[str, float] = {}
# By column, the number in a whole table of each number in one of its files.
CodeMaps = Mapping[str, NDArray[np.int32]]
# The columns that are written and read again; the hashes and codes (KEYS) of all rows stay in memory, too.
KEYS = {
    "text_key": pa.uint64(),
    "words_key": pa.uint64(),
    "id_key": pa.uint64(),
    "group_key": pa.uint64(),  # 0 for a row without a group
    "label": pa.int32(),
    "slice": pa.int32(),
    "split": pa.int8(),
    "date": pa.int64(),
}
SCHEMA = pa.schema(
    {"place": pa.string(), "id": pa.string(), "group": pa.string(), "text": pa.string()}
    | KEYS
    | {"rating": pa.float64(), "weight": pa.float64()}
)
# The marks of UTF-8 read as Latin-1 or Windows-1252, of a replaced character, and of control characters; those of
# lines and columns are none where white space is kept as it is.
_MARKS = "[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac|\ufffd|[\u0080-\u009f]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_DAMAGE = {True: re.compile(f"{_MARKS}|[\t\n\r]"), False: re.compile(_MARKS)}


def damage_of(text: Text) -> re.Pattern[str]:
    """Return the pattern of characters that show that a text was read in a wrong encoding."""
    return _DAMAGE["whitespace" in text.cleaning]


class RowParser:
    """Makes rows of batches, and counts by slice what was read, dropped and cut."""

    def __init__(self, data: Data, split: Split, problems: Problems) -> None:
        self._data, self._split, self.problems = data, split, problems
        cleaning = tuple(step for step in CLEANING if step == "nfc" or step in data.clean)
        self.text = Text(
            columns=data.text, separator=data.separator, cleaning=cleaning, max_length=data.max_text_length
        )
        self._damage = damage_of(self.text)
        self.read: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.names = LabelsAndSlices(data, problems)
        self._has_weight = False  # whether any row weighs more than 0

    def parse(self, batch: Batch) -> pa.RecordBatch:
        """Return the usable rows of a batch, with the columns of `SCHEMA`."""
        slices = self._slices(batch)
        self.read.update(slices)
        made = list(self._texts(batch, slices))
        kept = [text is not None for text in made]
        batch, texts = batch.filter(kept), [text for text in made if text is not None]
        slices = [name for name, usable in zip(slices, kept, strict=True) if usable]
        ratings, groups = self._ratings(batch), self._cells(batch, self._data.group)
        labels = self._labels(batch, ratings)
        ids = self._ids(batch, texts, groups)
        columns = {
            "place": list(map(batch.location, range(len(texts)))),
            "id": ids,
            "group": groups,
            "text": texts,
            "text_key": list(map(hash64, texts)),
            "words_key": [hash64(normalise(text)) for text in texts],
            "id_key": list(map(hash64, ids)),
            "group_key": [hash64(group) if group else 0 for group in groups],
            "label": self.names.labels.codes(labels),
            "slice": self.names.slices.codes(slices),
            "split": self._splits(batch),
            "date": self._dates(batch),
            "rating": ratings,
            "weight": self._weights(batch),
        }
        return pa.RecordBatch.from_pydict(columns, SCHEMA)

    def add(self, other: "RowParser") -> CodeMaps:
        """Add the counts of another file; return the number here of each of its numbers of labels and slices."""
        self.read.update(other.read)
        self.cut.update(other.cut)
        self.dropped.update(other.dropped)
        self.problems.add_all(other.problems)
        self._has_weight |= other._has_weight
        names = other.names
        return {"label": self.names.labels.add(names.labels), "slice": self.names.slices.add(names.slices)}

    def check(self) -> None:
        """Note what is wrong with the rows as a whole."""
        self.names.check()
        if self._data.weight and not self._has_weight and not self.problems:
            self.problems.add("data.weight", f"no row of {quoted(self._data.weight)} weighs more than 0")
        read, empty = self.read.total(), sum(n for (_, why), n in self.dropped.items() if why == "no text")
        if empty > read / 2 and not self.problems:
            self.problems.add("data.text", f"{empty:,} of {read:,} rows have no text")

    def _cells(self, batch: Batch, column: str | None) -> list[str]:
        """The cells of a column without white space around them; empty ones where no column is named."""
        return [cell.strip() for cell in batch.columns[column]] if column else [""] * len(batch.lines)

    def _require(self, key: str, batch: Batch, cells: Sequence[str]) -> None:
        for row, cell in enumerate(cells):
            if not cell:
                self.problems.add_row(key, batch.location(row), "no value")

    def _slices(self, batch: Batch) -> list[str]:
        columns = [self._cells(batch, column) for column in self._data.slice or ()]
        if not columns:
            return [OVERALL] * len(batch.lines)
        for cells in columns:
            self._require("data.slice", batch, cells)
        names = [" / ".join(parts) for parts in zip(*columns, strict=True)]
        for row, name in enumerate(names):
            if name == OVERALL:
                self.problems.add_row(
                    "data.slice", batch.location(row), f'"{OVERALL}"', ", which is the name for all rows"
                )
        return names

    def _texts(self, batch: Batch, slices: Sequence[str]) -> Iterator[str | None]:
        """The text of each row, None where it is dropped."""
        rule, key = self._data.too_long, "data.max_text_length"
        parts = zip(*(batch.columns[column] for column in self._data.text), strict=True)
        for row, (cells, name) in enumerate(zip(parts, slices, strict=True)):
            joined = self.text.separator.join(cells)
            text, reason = self.text.clean(joined), ""
            if not text.strip() or not any(map(str.strip, cells)):
                reason = "no text"
            elif len(joined) > self.text.max_length and self.text.is_cut(joined):
                if rule == "stop":
                    what = f"a text of more than {self.text.max_length} characters"
                    self.problems.add_row(key, batch.location(row), what, "; data.too_long: cut or drop")
                self.cut[name] += rule == "cut"
                reason = "too long" if rule == "drop" else ""
            if not reason and self._damage.search(text):
                if self._data.damaged == "stop":
                    what = f"signs of a wrong encoding, such as {quoted(self._damage.findall(text)[0])},"
                    self.problems.add_row(
                        "data.text", batch.location(row), what, "; data.damaged: drop leaves them out"
                    )
                reason = "damaged text"
            if reason:
                self.dropped[name, reason] += 1
            yield None if reason else text

    def _ids(self, batch: Batch, texts: Sequence[str], groups: Sequence[str]) -> list[str]:
        if self._data.id:
            ids = self._cells(batch, self._data.id)
            self._require("data.id", batch, ids)
            return ids
        pairs = zip(groups, texts, strict=True)
        return [hashlib.sha256(f"{group}\0{text}".encode()).hexdigest()[:16] for group, text in pairs]

    def _labels(self, batch: Batch, ratings: Sequence[float | None]) -> list[str]:
        rating, wanted = self._data.rating, self._data.labels or ()
        if rating:
            middle, band = sum(rating.limits) / 2, rating.neutral_band
            return [label_of(middle if value is None else value, middle, band, wanted) for value in ratings]
        labels = list(map(shortest, self._cells(batch, self._data.label)))
        self._require("data.label", batch, labels)
        for row, label in enumerate(labels):
            if label and wanted and label not in wanted:
                then = f" is none of {', '.join(wanted[:10])}; add it or correct them"
                self.problems.add_row("data.labels", batch.location(row), quoted(label), then)
        return labels

    def _numbers(
        self, key: str, batch: Batch, column: str, low: float, high: float, *, named: Mapping[str, float] = _NONE
    ) -> list[float | None]:
        numbers: list[float | None] = []
        for row, cell in enumerate(self._cells(batch, column)):
            try:
                number = float(cell)
            except ValueError:
                number = named.get(cell, math.nan)
            if not low <= number <= high or math.isinf(number):
                wanted = f"from {low:g} on" if high == math.inf else f"from {low:g} to {high:g}"
                what = "no value" if not cell else f"no number {wanted}"
                self.problems.add_row(
                    key, f"{batch.location(row)}: {quoted(cell)}" if cell else batch.location(row), what
                )
                number = math.nan
            numbers.append(None if math.isnan(number) else number)
        return numbers

    def _ratings(self, batch: Batch) -> Sequence[float | None]:
        if rating := self._data.rating:
            named = typical(rating, self._data.labels or ())
            return self._numbers("data.rating", batch, rating.column, *rating.limits, named=named)
        return [None] * len(batch.lines)

    def _weights(self, batch: Batch) -> Sequence[float | None]:
        if column := self._data.weight:
            weights = self._numbers("data.weight", batch, column, 0.0, math.inf)
            self._has_weight |= any(weights)
            return weights
        return [None] * len(batch.lines)

    def _splits(self, batch: Batch) -> list[int]:
        if self._split.by != "column":
            return [0] * len(batch.lines)
        cells = self._cells(batch, self._split.column)
        for row, cell in enumerate(cells):
            if cell not in SPLITS:
                what = f"none of {', '.join(SPLITS)}"
                self.problems.add_row("split.column", f"{batch.location(row)}: {quoted(cell)}", what)
        return [SPLITS.index(cell) if cell in SPLITS else 0 for cell in cells]

    def _dates(self, batch: Batch) -> list[int]:
        if self._split.by != "date":
            return [0] * len(batch.lines)
        cells, form = self._cells(batch, self._data.date), self._data.date_format or "ISO8601"
        try:
            dates = pd.to_datetime(pd.Series(cells, dtype=object), format=form, errors="coerce", utc=True)
        except ValueError as error:  # not one of a date, but of the format
            self.problems.add("data.date_format", str(error))
            self.problems.raise_if_any()
            raise
        for row in dates.index[dates.isna()]:
            place, what, then = batch.location(row), "no date", ""
            if cells[row]:
                place, what, then = f"{place}: {quoted(cells[row])}", f"no date in {form}", "; see data.date_format"
            self.problems.add_row("data.date", place, what, then)
        moments: list[int] = dates.dt.as_unit("us").astype("int64").tolist()
        return moments
