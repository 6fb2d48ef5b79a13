"""Word and character n-grams by hash instead of by vocabulary: what is kept does not grow with the rows.

The n-grams are those of TF-IDF (`tfidf.py`). A hash of each gives the number of its feature and a sign, so that those
that share a feature cancel out on average (Weinberger et al. 2009). The hash is a polynomial over all windows of an
array at once: several times as fast as a function that is called for each n-gram.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from verdict.classifier.features.negation import mark
from verdict.classifier.params import Ngrammed

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
# Texts that are worked on at a time, and characters: memory stays constant whatever is read.
ROWS, CHARACTERS = 20_000, 2_000_000
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF, _TOP = np.uint64(32), np.uint64(63)


@dataclass(frozen=True)
class Marked:
    """n texts as marked tokens, as arrays: what hashes are made of, and what lies on disk until a training reads it.

    Args:
        letters: the characters of the different tokens, end to end, uint32.
        lengths: how many each token has, int32.
        tokens: the places of the tokens of all texts among the different ones, int32.
        ends: text i is `tokens[ends[i]:ends[i + 1]]`, int64.
    """

    letters: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.int32]
    tokens: npt.NDArray[np.int32]
    ends: Places

    def __len__(self) -> int:
        return len(self.ends) - 1

    @classmethod
    def of(cls, texts: Iterable[str], params: Ngrammed) -> "Marked":
        """Mark some texts."""
        places: dict[str, int] = {}
        tokens, ends = array("i"), array("q", [0])
        for text in texts:
            marked = mark(text, params.negation_span, params.repeat_after_but).split()
            tokens.extend([places.setdefault(token, len(places)) for token in marked])
            ends.append(len(tokens))
        letters = np.frombuffer("".join(places).encode("utf-32-le", "surrogatepass"), np.uint32)
        lengths = np.fromiter(map(len, places), np.int32, len(places))
        return cls(letters, lengths, np.array(tokens, np.int32), np.array(ends, np.int64))


@dataclass(frozen=True)
class Hashed:
    """Text in, sparse features out: words in the first half of them, characters in the second, each of length 1 (L2).

    Args:
        params: the marking and the n-grams; `min_df` means nothing here.
        idf: how rare each feature is, (features,), float32.
    """

    params: Ngrammed
    idf: npt.NDArray[np.float32]

    @property
    def size(self) -> int:
        """The number of features."""
        return len(self.idf)

    def transform(self, texts: Iterable[str]) -> sp.csr_matrix:
        """Features of shape (texts, size), float32."""
        parts = [self.features(Marked.of(part, self.params)) for part in portions(texts)]
        return sp.vstack([sp.csr_matrix((0, self.size), dtype=np.float32), *parts], format="csr")

    def features(self, marked: Marked) -> sp.csr_matrix:
        """Features of shape (n, size): (1 + log count) · idf."""
        half = self.size // 2
        words, chars = self._counts(marked)
        weighed = [_weighed(words, self.idf[:half]), _weighed(chars, self.idf[half:])]
        return sp.hstack(weighed, format="csr", dtype=np.float32)

    def frequencies(self, marked: Marked) -> Places:
        """In how many of the texts each feature occurs, (size,)."""
        half = self.size // 2
        widths = (half, self.size - half)
        pairs = zip(self._counts(marked), widths, strict=True)
        return np.concatenate(
            [np.bincount(counts.indices[counts.data != 0], minlength=width) for counts, width in pairs]
        )

    def _counts(self, marked: Marked) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        """How often each word feature and each character feature occurs, with the signs."""
        half, grams = self.size // 2, _Grams(marked)
        words = _signed(*grams.words(self.params.word.ngrams), (len(marked), half))
        of_tokens = _signed(*grams.characters(self.params.char.ngrams), (len(marked.lengths), self.size - half))
        ones = np.ones(len(marked.tokens), np.float32)
        in_texts = sp.csr_matrix((ones, marked.tokens, marked.ends), shape=(len(marked), len(marked.lengths)))
        words.sum_duplicates()
        # A product has each feature once in a row, and in an order that depends on the row alone: no need to sort.
        return words, in_texts @ of_tokens


@dataclass(frozen=True)
class _Grams:
    """The hashes of n-grams, each with the place of the text or the token that it stands in."""

    marked: Marked

    def words(self, ngrams: tuple[int, int]) -> tuple[Places, Hashes]:
        return _windows(self._of_tokens[self.marked.tokens], np.diff(self.marked.ends), ngrams)

    def characters(self, ngrams: tuple[int, int]) -> tuple[Places, Hashes]:
        """Of the tokens with a blank at each edge; one that is shorter than all n-grams counts once, whole."""
        lengths = self.marked.lengths.astype(np.int64) + 2
        ends = np.cumsum(lengths)
        padded = np.full(lengths.sum(), ord(" "), np.uint64)
        inside = np.ones(len(padded), bool)
        inside[ends - 1] = inside[ends - lengths] = False
        padded[inside] = self.marked.letters
        return _windows(padded, lengths, ngrams, shorter=True)

    @cached_property
    def _of_tokens(self) -> Hashes:
        """Of each different token."""
        lengths = self.marked.lengths.astype(np.int64)
        places = np.arange(len(self.marked.letters)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        mixed = _mixed(self.marked.letters.astype(np.uint64) + _mixed((places + 1).astype(np.uint64)))
        starts = np.cumsum(lengths) - lengths
        return _mixed(np.add.reduceat(mixed, starts)) if len(starts) else mixed


def portions(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in lists that are bounded in texts and in characters, at least one text in each."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if portion and (len(portion) == ROWS or size + len(text) > CHARACTERS):
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    yield from [portion] if portion else []


def _windows(values: Hashes, lengths: Places, ngrams: tuple[int, int], shorter: bool = False) -> tuple[Places, Hashes]:
    """The hashes of all n-grams of consecutive values within items of these lengths, with the places of their items.

    Args:
        values: of all items, end to end.
        lengths: of the items.
        ngrams: the shortest and the longest.
        shorter: whether an item shorter than the shortest counts as one n-gram.
    """
    item = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(values))
    hashes = np.zeros(len(values), np.uint64)
    places, found = [], []
    for size in range(1, min(ngrams[1], lengths.max(initial=0)) + 1):
        count = len(values) - size + 1
        hashes = hashes[:count] * _BASE + values[size - 1 :]
        if size >= ngrams[0]:
            at = np.flatnonzero(left[:count] >= size)
        elif shorter:
            at = np.flatnonzero((left[:count] == size) & (lengths[item[:count]] == size))
        else:
            continue
        places.append(item[at])
        found.append(_mixed(hashes[at] + np.uint64(size)))
    return np.concatenate([np.empty(0, np.int64), *places]), np.concatenate([np.empty(0, np.uint64), *found])


def _mixed(values: Hashes) -> Hashes:
    """Each bit of the outcome depends on each bit of the value."""
    for _ in range(2):
        values = (values ^ (values >> _HALF)) * _MIX
    return values ^ (values >> _HALF)


def _signed(places: Places, hashes: Hashes, shape: tuple[int, int]) -> sp.csr_matrix:
    """A matrix with ±1 for each hash, in the row of its place."""
    order = np.argsort(places, kind="stable")
    hashes = hashes[order]
    ends = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=shape[0]))])
    signs = np.where(hashes >> _TOP, np.float32(1), np.float32(-1))
    return sp.csr_matrix((signs, (hashes % np.uint64(shape[1])).astype(np.int32), ends), shape=shape)


def _weighed(counts: sp.csr_matrix, idf: npt.NDArray[np.float32]) -> sp.csr_matrix:
    """(1 + log count) · idf with the counts' signs, each row then of length 1."""
    counts.eliminate_zeros()  # what cancelled out
    counts.data = np.copysign((np.log(np.abs(counts.data)) + 1) * idf[counts.indices], counts.data)
    squares = sp.csr_matrix((counts.data**2, counts.indices, counts.indptr), shape=counts.shape)
    lengths = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    lengths[lengths == 0] = 1
    counts.data /= np.repeat(lengths, np.diff(counts.indptr)).astype(np.float32)
    return counts


def idf_of(frequencies: Places, rows: int) -> npt.NDArray[np.float32]:
    """How rare each feature is among so many texts, smoothed as scikit-learn does it."""
    smoothed = frequencies.astype(np.float32) + np.float32(1)
    idf: npt.NDArray[np.float32] = np.log(np.float32(rows + 1) / smoothed) + np.float32(1)
    return idf
