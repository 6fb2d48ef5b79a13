"""Makes the three prepared tables in two passes: memory holds some numbers for each row, never the texts."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from verdict.base.files import replacing, write_json
from verdict.classifier.dataset.description import COLUMNS, Dataset, Limits, write_dataset
from verdict.classifier.dataset.duplicates import (
    REASONS,
    deduplicate,
    dense_ranks,
    has_several,
    occurrence_numbers,
    repeated_rows,
)
from verdict.classifier.dataset.parts import Part, read_parts
from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.dataset.quality import Violation, write_details
from verdict.classifier.dataset.rows import KEYS, SCHEMA, RowParser
from verdict.classifier.dataset.splits import SPLITS, split_of, splits_by_date
from verdict.classifier.params.data import Data, Split

Array = np.ndarray[Any, Any]
_ROW_GROUP = 100_000
_MAX_LISTED = 100_000
# The largest share of rows with one value of data.group; with more there is nothing to split.
_MAX_GROUP_SHARE = 0.9
# Why a split may have no row.
_EMPTY_REASONS = {
    "group": "there are too few",
    "date": "and rows of one date stay together",
    "column": "which has no such value",
}
_TYPES = {"rating": pa.float64(), "weight": pa.float64()}


def prepare(data: Data, split: Split, folder: Path, details: Path | None) -> dict[str, int]:
    """Read the table, and write three tables, dataset.json and dropped.json into `folder`: all of them, or none.

    Args:
        data: which table, and what its columns mean.
        split: which rows go where.
        folder: where to write.
        details: gets the rows whose words have two labels, where that stops the run; None keeps no list.

    Returns:
        The number of rows of each split.

    Raises:
        VerdictError: with everything that is wrong with the table.
    """
    with ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        spool = folder / ".rows.partial"
        shutil.rmtree(spool, ignore_errors=True)  # of a run that was killed
        stack.callback(shutil.rmtree, spool, ignore_errors=True)
        run = _Preparation(data, split, spool)
        run.read()
        run.deduplicate(details)
        counts = run.write({name: stack.enter_context(replacing(folder / f"{name}.parquet")) for name in SPLITS})
        write_dataset(stack.enter_context(replacing(folder / "dataset.json")), run.dataset())
        write_json(stack.enter_context(replacing(folder / "dropped.json")), run.dropped())
    return counts


class _Preparation:
    """The state of the two passes: the counts, the keys of all rows, and the files that hold the rest of them."""

    def __init__(self, data: Data, split: Split, spool: Path) -> None:
        self._data, self._split, self._spool = data, split, spool
        self._problems = Problems(data.path)
        self._rows = RowParser(data, split, self._problems)
        self._parts: list[Part] = []
        self._keys: dict[str, Array] = {}

    def read(self) -> None:
        """Read the table into files; raise the problems of its rows."""
        self._parts = read_parts(self._data, self._split, self._rows, self._problems, self._spool)
        count = sum(part.count for part in self._parts)
        # Read again from the files: parts that wait in memory to be joined would take the room twice.
        self._keys = {name: np.empty(count, kind.to_pandas_dtype()) for name, kind in KEYS.items()}
        for start, rows in self._read_spool(list(KEYS)):
            for name, array in self._keys.items():
                array[start : start + len(rows)] = rows.column(name).to_numpy()
        self._rows.check()
        if self._data.id and len(twice := repeated_rows(self._keys["id_key"])):
            (row,) = self._rows_at(twice[:1])
            what = f"{len(twice):,} rows have an id that stands before them, first {quoted(row['id'])} ({row['place']})"
            self._problems.add("data.id", what)
        self._problems.raise_if_any()

    def deduplicate(self, details: Path | None) -> None:
        """Decide which rows stay, and their split where it does not depend on the group's name."""
        self._deduplication = deduplicate(self._keys, self._data)
        self._kept = self._deduplication.reasons == 0
        if self._data.conflicts == "stop" and len(self._deduplication.conflicts):
            self._list_conflicts(details)
        copies = self._data.duplicates == "keep" and not self._data.id
        self._copies = occurrence_numbers(self._keys["id_key"]) if copies else np.empty(0, np.int64)
        for name in ("text_key", "words_key", "id_key"):
            del self._keys[name]
        group_keys = self._keys.pop("group_key")
        groups = dense_ranks(np.where(group_keys == 0, self._deduplication.leaders.astype(np.uint64), group_keys))
        if self._split.by == "date":
            dates = self._keys["date"][self._kept]
            self._keys["split"][self._kept] = splits_by_date(groups[self._kept], dates, self._split)
        self._check_groups(groups)
        self._problems.raise_if_any()

    def _list_conflicts(self, details: Path | None) -> None:
        names = self._rows.names.labels.values()
        conflicts = self._deduplication.conflicts
        rows = self._rows_at(conflicts[:_MAX_LISTED])
        rule = "the same words under two labels: {}"
        found = [Violation(row["place"], rule.format(names[row["label"]]), (row["id"],)) for row in rows]
        where = f"such as {rows[0]['place']}"
        if details is not None:
            write_details(details, found)
            where = f"listed in {details}"
        what = f"{len(conflicts):,} rows have words that stand under another label, too ({where})"
        self._problems.add("data.conflicts", f"{what}; drop leaves them all out, first keeps the first of them")

    def _check_groups(self, groups: Array) -> None:
        largest_share = np.bincount(groups).max(initial=0) / max(len(groups), 1)
        if self._data.group and largest_share > _MAX_GROUP_SHARE:
            what = f"{largest_share:.0%} of rows share one {self._data.group}: nothing to split"
            self._problems.add("data.group", what)
        in_two_splits = has_several(groups, self._keys["split"]) if self._split.by == "column" else np.zeros(1, bool)
        if in_two_splits.any():
            (row,) = self._rows_at(np.flatnonzero(in_two_splits[groups])[:1])
            what = f"{in_two_splits.sum():,} groups stand in two splits, first {quoted(row['group'])} ({row['place']})"
            self._problems.add("split.column", what)

    def write(self, paths: dict[str, Path]) -> dict[str, int]:
        """Write the rows that stay, each into the table of its split."""
        counts = Counter(dict.fromkeys(SPLITS, 0))
        absent = {"slice": self._data.slice, "rating": self._data.rating, "weight": self._data.weight}
        schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS if absent.get(name, True)])
        with ExitStack() as stack:
            writers = {name: stack.enter_context(pq.ParquetWriter(path, schema)) for name, path in paths.items()}
            for rows, names in self._final_rows():
                for split, writer in writers.items():
                    part = rows.filter(pa.array(names == SPLITS.index(split))).select(schema.names)
                    counts[split] += len(part)
                    if len(part):
                        writer.write_table(part.cast(schema), row_group_size=_ROW_GROUP)
        if empty := [name for name, count in counts.items() if not count]:
            what = f"no row is left for {' and '.join(empty)}, of {counts.total():,} in all"
            self._problems.add("split", f"{what}: by {self._split.by}, {_EMPTY_REASONS[self._split.by]}")
        self._problems.raise_if_any()
        return dict(counts)

    def _final_rows(self) -> Iterator[tuple[pa.Table, Array]]:
        """Yield the rows that stay, with final ids, groups, labels and slices, and their splits; in parts."""
        leaders = self._deduplication.leaders
        ids: dict[int, str] = {}  # of the rows that give others their group
        leading = set(leaders[self._kept & (leaders != np.arange(len(leaders), dtype=np.int32))].tolist())
        labels, slices = self._rows.names.labels.values(), self._rows.names.slices.values()
        for start, spooled in self._read_spool():
            places = np.flatnonzero(self._kept[start : start + len(spooled)])
            rows, numbers = spooled.take(pa.array(places)), places + start
            own = self._numbered_ids(rows["id"].to_pylist(), numbers)
            ids.update((number, key) for number, key in zip(numbers.tolist(), own, strict=True) if number in leading)
            given = zip(rows["group"].to_pylist(), numbers.tolist(), leaders[numbers].tolist(), own, strict=True)
            groups = [group or (key if leader == number else ids[leader]) for group, number, leader, key in given]
            columns = {
                "id": own,
                "group": groups,
                "slice": [slices[code] for code in rows["slice"].to_pylist()],
                "text": rows["text"],
                "label": [labels[code] for code in rows["label"].to_pylist()],
                "rating": rows["rating"],
                "weight": rows["weight"],
            }
            yield pa.table(columns), self._splits(groups, numbers)

    def _numbered_ids(self, ids: list[str], numbers: Array) -> list[str]:
        """Return the ids, numbered where kept duplicates would share one."""
        if not len(self._copies):
            return ids
        copies = self._copies[numbers].tolist()
        return [f"{key}-{copy + 1}" if copy else key for key, copy in zip(ids, copies, strict=True)]

    def _splits(self, groups: list[str], numbers: Array) -> Array:
        if self._split.by != "group":
            return self._keys["split"][numbers]
        return np.array([SPLITS.index(split_of(group, self._split)) for group in groups], np.int8)

    def _read_spool(self, columns: list[str] = SCHEMA.names) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield some columns of the rows in batches, each batch with the number of its first row."""
        start = 0
        for rows in chain.from_iterable(part.batches(columns) for part in self._parts):
            yield start, rows
            start += len(rows)

    def _rows_at(self, numbers: Array) -> list[dict[str, Any]]:
        """Read some rows by their numbers, in that order, for messages."""
        found: dict[int, dict[str, Any]] = {}
        ordered = np.unique(numbers)
        for start, rows in self._read_spool(["place", "id", "group", "label"]):
            mine = ordered[(ordered >= start) & (ordered < start + len(rows))]
            part = rows.take(pa.array(mine - start))
            found.update(zip(mine.tolist(), part.to_pylist(), strict=True))
        return [found[number] for number in numbers.tolist()]

    def dataset(self) -> Dataset:
        """The content of dataset.json."""
        rating, slices = self._data.rating, self._data.slice
        return Dataset(
            labels=self._rows.names.ordered_labels(),
            slice=" / ".join(slices) if slices else None,
            slices=tuple(self._rows.names.slices.values()) if slices else (),
            rating=Limits(low=rating.limits[0], high=rating.limits[1]) if rating else None,
            text=self._rows.text,
        )

    def dropped(self) -> dict[str, dict[str, Any]]:
        """The content of dropped.json: the rows read, cut, and dropped by reason, for each slice or overall."""
        names = self._rows.names.slices.values()
        counts = dict(self._rows.dropped)
        pairs = self._keys["slice"].astype(np.int64) * len(REASONS) + self._deduplication.reasons
        for pair, count in zip(*np.unique(pairs[~self._kept], return_counts=True), strict=True):
            code, reason = divmod(int(pair), len(REASONS))
            counts[names[code], REASONS[reason]] = int(count)
        dropped: dict[str, dict[str, int]] = {name: {} for name in self._rows.read}
        for (name, why), number in counts.items():
            dropped[name][why] = number
        return {"read": dict(self._rows.read), "cut": dict(+self._rows.cut), "dropped": dropped}
