"""The split of the rows: by a salted hash of the group, by date, or by a column."""

import hashlib
import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from verdict.classifier.params.data import Split

SPLITS = ("train", "validation", "test")


def normalise(text: str) -> str:
    """Reduce a text to its words, without case, punctuation or accents' encoding: equal ones are the same to a model.

    A text without words, such as an emoticon, is kept as it is.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded)) or folded.strip()


def hash64(key: str) -> int:
    """A hash of 64 bits: among ten million keys two are the same by chance once in 300,000 times."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")


def split_of(group: str, split: Split) -> str:
    """Return the split of a group by its salted hash, which does not depend on other groups."""
    digest = hashlib.sha256(f"{split.salt}:{group}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < split.test:
        return "test"
    return "validation" if position < split.test + split.validation else "train"


def splits_by_date(groups: NDArray[np.int32], dates: NDArray[np.int64], split: Split) -> NDArray[np.int8]:
    """Return the split of each row, as its place in `SPLITS`; the newest groups become the test split.

    A group is as new as its newest row, and groups of one date stay together; shares are met as nearly as possible.
    """
    newest = np.full(groups.max(initial=-1) + 1, np.iinfo(np.int64).min)
    np.maximum.at(newest, groups, dates)
    row_dates = newest[groups]
    days, counts = np.unique(row_dates, return_counts=True)
    before = np.concatenate([[0], np.cumsum(counts)])  # rows before a day, and after the last one
    ideal = np.array([1 - split.test - split.validation, 1 - split.test]) * len(row_dates)
    borders = len(days) - np.abs(before[::-1, None] - ideal).argmin(axis=0)
    return np.searchsorted(borders, np.searchsorted(days, row_dates), side="right").astype(np.int8)
