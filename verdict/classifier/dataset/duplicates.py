"""Which rows say the same: which of them are kept, and which have to stay together; by hashes, for millions of rows."""

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
class Settled:
    """For each row why it is dropped (a place in `REASONS`, 0 when it is kept), and the row that gives it its group.

    `conflicts` are the rows whose words stand under two labels, those with the same words one after the other.
    """

    reasons: NDArray[np.int8]
    leaders: NDArray[np.int32]
    conflicts: NDArray[np.int64]


def settle(keys: Keys, data: Data) -> Settled:
    """Say which rows are kept, and which belong together.

    A text is dropped when it stands letter for letter in a row that is kept, or word for word in an earlier row of
    another group, since those two could fall into different splits. Rows that stand alone and share their words are
    one group instead, within a slice (and a split, where a column gives it), so that all of them stay together.
    """
    rows = np.arange(len(keys["words_key"]), dtype=np.int32)
    alone = keys["group_key"] == 0
    groups = np.where(alone, rows.astype(np.uint64), keys["group_key"])
    words, texts = ranked(keys["words_key"]), ranked(keys["text_key"])
    conflicting = (varied(words, keys["label"]) & varied(words, groups))[words]
    conflicting |= varied(texts, keys["label"])[texts]
    first = earliest(words, rows)[words]
    joins = alone & alone[first]
    for place in ("slice", "split"):
        joins &= keys[place] == keys[place][first]
    reasons = np.zeros(len(rows), np.int8)
    if data.duplicates == "drop":
        belongs = joins | (groups == groups[first])
        reasons[~belongs] = _ELSEWHERE
        reasons[rows > earliest(texts, rows[belongs])[texts]] = _SEEN
    if data.conflicts == "drop":
        reasons[conflicting] = _CONFLICT
    found = np.flatnonzero(conflicting)
    return Settled(reasons, np.where(joins, first, rows), found[np.argsort(words[found], kind="stable")])


def ranked(values: NDArray[Any]) -> NDArray[np.int32]:
    """A number for each value: 0, 1, … in order, the same where values are."""
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def earliest(of: NDArray[np.int32], rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each number in `of` the first of `rows` that has it, or a number beyond all rows."""
    found = np.full(of.max(initial=-1) + 1, len(of), np.int32)
    np.minimum.at(found, of[rows], rows)
    return found


def varied(of: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.bool_]:
    """For each number in `of` (0, 1, …) whether its rows have more than one of `values`."""
    first = np.zeros(of.max(initial=-1) + 1, values.dtype)
    first[of] = values
    different = np.zeros(len(first), bool)
    different[of[first[of] != values]] = True
    return different


def repeated(values: NDArray[Any]) -> NDArray[np.int64]:
    """The rows whose value stands in an earlier row, too."""
    return np.setdiff1d(np.arange(len(values)), np.unique(values, return_index=True)[1], assume_unique=True)


def numbered(values: NDArray[Any]) -> NDArray[np.int64]:
    """For each row how many earlier rows have its value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(values) else order
    counts = np.empty(len(values), np.int64)
    counts[order] = np.arange(len(values)) - np.repeat(starts, np.diff([*starts, len(values)]))
    return counts
