"""Duplicate rows: which are dropped, and which share a group; by hashes, for millions of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verdict.classifier.params.data import Data

Keys = Mapping[str, NDArray[Any]]
REASONS = ("", "text seen before", "words seen in another group", "words under two labels")
_SEEN, _ELSEWHERE, _CONFLICT = range(1, 4)


@dataclass(frozen=True, slots=True)
class Deduplication:
    """For each row the reason for dropping it (a place in `REASONS`, 0 if kept), and the row that gives it its group.

    `conflicts` are the rows whose words have two labels, rows with the same words one after the other.
    """

    reasons: NDArray[np.int8]
    leaders: NDArray[np.int32]
    conflicts: NDArray[np.int64]


def deduplicate(keys: Keys, data: Data) -> Deduplication:
    """Decide which rows are kept, and which share a group.

    A row is dropped if a kept row has the same text, or an earlier row of another group the same words, since the two
    could fall into different splits. Rows without a group that share their words become one group instead, within a
    slice (and a split, where a column gives it), so that they stay together.
    """
    rows = np.arange(len(keys["words_key"]), dtype=np.int32)
    alone = keys["group_key"] == 0
    groups = np.where(alone, rows.astype(np.uint64), keys["group_key"])
    words, texts = dense_ranks(keys["words_key"]), dense_ranks(keys["text_key"])
    conflicting = (has_several(words, keys["label"]) & has_several(words, groups))[words]
    conflicting |= has_several(texts, keys["label"])[texts]
    first = first_rows(words, rows)[words]
    joins = alone & alone[first]
    for place in ("slice", "split"):
        joins &= keys[place] == keys[place][first]
    reasons = np.zeros(len(rows), np.int8)
    if data.duplicates == "drop":
        belongs = joins | (groups == groups[first])
        reasons[~belongs] = _ELSEWHERE
        reasons[rows > first_rows(texts, rows[belongs])[texts]] = _SEEN
    if data.conflicts == "drop":
        reasons[conflicting] = _CONFLICT
    conflicts = np.flatnonzero(conflicting)
    return Deduplication(reasons, np.where(joins, first, rows), conflicts[np.argsort(words[conflicts], kind="stable")])


def dense_ranks(values: NDArray[Any]) -> NDArray[np.int32]:
    """Number the values 0, 1, … in their order; equal values have the same number."""
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def first_rows(ranks: NDArray[np.int32], rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return for each rank the first of `rows` that has it, or a number beyond all rows."""
    first = np.full(ranks.max(initial=-1) + 1, len(ranks), np.int32)
    np.minimum.at(first, ranks[rows], rows)
    return first


def has_several(ranks: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each rank (0, 1, …) whether its rows have more than one of `values`."""
    first = np.zeros(ranks.max(initial=-1) + 1, values.dtype)
    first[ranks] = values
    different = np.zeros(len(first), bool)
    different[ranks[first[ranks] != values]] = True
    return different


def repeated_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows whose value an earlier row has, too."""
    return np.setdiff1d(np.arange(len(values)), np.unique(values, return_index=True)[1], assume_unique=True)


def occurrence_numbers(values: NDArray[Any]) -> NDArray[np.int64]:
    """Count for each row the earlier rows that have its value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(values) else order
    counts = np.empty(len(values), np.int64)
    counts[order] = np.arange(len(values)) - np.repeat(starts, np.diff([*starts, len(values)]))
    return counts
