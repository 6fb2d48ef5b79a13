"""Splits texts into words and counts them."""

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
# The names for all other words that are known, and for unknown ones.
OTHER, UNKNOWN = "(other)", "(unknown)"
_SPARSE = 50
# Scripts that are written without blanks: each character is a word.
_ALONE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s\x00-\x1f\x7f-\x9f]")


# Tables that do the same for ASCII in a third of the time.
_LETTERS = bytes(number for number in range(128) if chr(number).isalnum() or number == ord("_"))
_BLANKS = bytes(number if number in _LETTERS else ord(" ") for number in range(256))
_MARKS = [bytes([number]) for number in range(128)]
_NO_MARKS = _LETTERS + bytes(number for number in range(128) if chr(number).isspace() or not chr(number).isprintable())


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words and punctuation marks."""
    return _WORD.findall(text.lower())


def _encoded(text: str) -> list[bytes]:
    """The words of a text in UTF-8, in any order."""
    if not text.isascii():
        return [_bytes(word) for word in split_words(text)]
    small = text.encode().lower()
    return [*small.translate(_BLANKS).split(), *map(_MARKS.__getitem__, small.translate(None, _NO_MARKS))]


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def word_hash(word: str) -> int:
    """Hash a word to a number below 2**32; a reference stores these of rare words, not the words."""
    return zlib.crc32(_bytes(word))


def _filter(known: Iterable[int]) -> tuple[bytes, int]:
    """Return a bit set of at least 50 times as many bits as known hashes, and the mask from a hash to its bit.

    A set would be exact, and ten times as large: it drives the model out of the processor's cache. So at most one in 50
    unknown words counts as known, in the reference's own counts as well.
    """
    numbers = np.fromiter(known, np.uint32)
    size = 1 << max((_SPARSE * len(numbers)).bit_length(), 20)
    there = np.zeros(size, bool)
    there[numbers & np.uint32(size - 1)] = True
    return np.packbits(there, bitorder="little").tobytes(), size - 1


class Counter:
    """Counts words by place: each frequent one by itself, then all others that are known, then those that are not.

    Args:
        frequent: the words that are counted by themselves.
        known: hashes of the others that the training text had.
    """

    def __init__(self, frequent: Sequence[str], known: Iterable[int]) -> None:
        self.names = (*frequent, OTHER, UNKNOWN)
        self._places = {_bytes(word): place for place, word in enumerate(frequent)}
        self._bits, self._mask = _filter(known)

    def add(self, text: str, counts: list[int]) -> None:
        """Count the words of a text."""
        places, bits, mask, other = self._places, self._bits, self._mask, len(self._places)
        for word in _encoded(text):
            place = places.get(word)
            if place is None:
                at = zlib.crc32(word) & mask
                place = other if bits[at >> 3] >> (at & 7) & 1 else other + 1
            counts[place] += 1

    def count(self, texts: Iterable[str]) -> Counts:
        """Return a row of counts for each text, of shape (texts, places)."""
        rows = []
        for text in texts:
            rows.append([0] * len(self.names))
            self.add(text, rows[-1])
        return np.array(rows, np.int64).reshape(-1, len(self.names))
