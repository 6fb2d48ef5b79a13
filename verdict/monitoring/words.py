"""Words of a text, for counting: what a text is made of, not what it says."""

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
# How words are named that are not counted by themselves.
OTHER, UNKNOWN = "(other)", "(unknown)"
# Scripts that are written without blanks: each character is a word.
_ALONE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s\x00-\x1f\x7f-\x9f]")


def words(text: str) -> list[str]:
    """Its words and its punctuation, in small letters."""
    return _WORD.findall(text.lower())


def hashed(word: str) -> int:
    """A number below 2**32: by these a reference knows rare words without holding them."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


class Counter:
    """Counts words by place: each frequent one by itself, then all others that are known, then those that are not.

    Args:
        frequent: the words that are counted by themselves.
        known: hashes of the others that the training text had.
    """

    def __init__(self, frequent: Sequence[str], known: Iterable[int]) -> None:
        self.names = (*frequent, OTHER, UNKNOWN)
        self._places = {word: place for place, word in enumerate(frequent)}
        self._known = frozenset(known)

    def add(self, text: str, counts: list[int]) -> None:
        """Count the words of a text."""
        places, known, other = self._places, self._known, len(self._places)
        for word in words(text):
            place = places.get(word)
            if place is None:
                place = other if hashed(word) in known else other + 1
            counts[place] += 1

    def of(self, texts: Iterable[str]) -> Counts:
        """A row of counts for each text, of shape (texts, places)."""
        rows = []
        for text in texts:
            rows.append([0] * len(self.names))
            self.add(text, rows[-1])
        return np.array(rows, np.int64).reshape(-1, len(self.names))
