"""Word and character n-grams by hash instead of by vocabulary, in memory that does not grow with the rows.

The n-grams are those of TF-IDF (`tfidf.py`). A hash of each gives the number of its feature and a sign, so that n-grams
that share a feature cancel out on average (Weinberger et al. 2009). The hash is a polynomial over all windows of an
array at once: several times as fast as a function call for each n-gram.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from verdict.classifier.features.negation import marked_tokens
from verdict.classifier.features.rows import Floats, SparseRows, stack_rows
from verdict.classifier.params import Ngrammed

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
# Texts and characters of a batch at most, which keeps memory constant.
ROWS, CHARACTERS = 20_000, 2_000_000
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_ONE, _HALF, _TOP = np.uint64(1), np.uint64(32), np.uint64(63)
_FEATURE = np.uint64(2**31 - 1)


@dataclass(frozen=True)
class MarkedTexts:
    """n texts as arrays of marked tokens, from which hashes are computed; training reads them from disk.

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
    def from_texts(cls, texts: Iterable[str], params: Ngrammed) -> "MarkedTexts":
        """Mark some texts."""
        places: dict[str, int] = {}
        tokens, ends = array("i"), array("q", [0])
        for text in texts:
            found = marked_tokens(text, params.negation_span, params.repeat_after_but)
            tokens.extend([places.setdefault(token, len(places)) for token in found])
            ends.append(len(tokens))
        letters = np.frombuffer("".join(places).encode("utf-32-le", "surrogatepass"), np.uint32)
        lengths = np.fromiter(map(len, places), np.int32, len(places))
        return cls(letters, lengths, np.array(tokens, np.int32), np.array(ends, np.int64))


@dataclass(frozen=True)
class HashedNgrams:
    """Text in, sparse features out: words in the first half of them, characters in the second, each of length 1 (L2).

    Args:
        params: the marking and the n-grams; `min_df` means nothing here.
        idf: the inverse document frequency of each feature, (features,), float32.
    """

    params: Ngrammed
    idf: npt.NDArray[np.float32]

    @property
    def size(self) -> int:
        """The number of features."""
        return len(self.idf)

    def transform(self, texts: Iterable[str]) -> SparseRows:
        """Features of shape (texts, size), float32."""
        batches = (MarkedTexts.from_texts(batch, self.params) for batch in text_batches(texts))
        return stack_rows(list(map(self.features, batches)) or [self._empty])

    def features(self, marked: MarkedTexts) -> SparseRows:
        """Features of shape (n, size)."""
        words, (tokens, chars) = self.signed_features(marked)
        texts, chars = _repeat_by_text(marked, tokens, chars)
        signed = np.concatenate([words[1], chars])
        return self.weigh(_sum_signs(np.concatenate([words[0], texts]), signed, (len(marked), self.size)))

    def signed_features(self, marked: MarkedTexts) -> tuple[tuple[Places, Hashes], tuple[Places, Hashes]]:
        """For each n-gram the text of a word, or the token of characters, and its feature with the sign as last bit."""
        half, grams = self.size // 2, _NgramHashes(marked)
        words = _signed_features(*grams.words(self.params.word.ngrams), half)
        tokens, chars = _signed_features(*grams.characters(self.params.char.ngrams), self.size - half)
        return words, (tokens, chars + np.uint64(half << 1))

    def weigh(self, counts: SparseRows) -> SparseRows:
        """(1 + log count) · idf with the counts' signs, words and characters each of length 1."""
        data: Floats = np.copysign((np.log(np.abs(counts.data)) + 1) * self.idf[counts.indices], counts.data)
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        blocks = 2 * rows + (counts.indices >= self.size // 2)
        lengths = np.sqrt(np.bincount(blocks, data**2)).astype(np.float32)
        data /= lengths[blocks]
        return SparseRows(data, counts.indices, counts.indptr, counts.shape)

    @property
    def _empty(self) -> SparseRows:
        return self.features(MarkedTexts.from_texts([], self.params))


@dataclass(frozen=True)
class _NgramHashes:
    """The hashes of n-grams, each with the number of its text or token."""

    marked: MarkedTexts

    def words(self, ngrams: tuple[int, int]) -> tuple[Places, Hashes]:
        return _windows(self._of_tokens[self.marked.tokens], np.diff(self.marked.ends), ngrams)

    def characters(self, ngrams: tuple[int, int]) -> tuple[Places, Hashes]:
        """Hash the n-grams of the tokens, a blank at each edge; a token shorter than all n-grams counts once, whole."""
        lengths = self.marked.lengths.astype(np.int64) + 2
        ends = np.cumsum(lengths)
        padded = np.full(lengths.sum(), ord(" "), np.uint64)
        inside = np.ones(len(padded), bool)
        inside[ends - 1] = inside[ends - lengths] = False
        padded[inside] = self.marked.letters
        return _windows(padded, lengths, ngrams, shorter=True)

    @cached_property
    def _of_tokens(self) -> Hashes:
        """The hash of each different token."""
        lengths = self.marked.lengths.astype(np.int64)
        places = np.arange(len(self.marked.letters)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        mixed = _mix(self.marked.letters.astype(np.uint64) + _mix((places + 1).astype(np.uint64)))
        starts = np.cumsum(lengths) - lengths
        return _mix(np.add.reduceat(mixed, starts)) if len(starts) else mixed


def text_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of at most `ROWS` texts and `CHARACTERS` characters, at least one text in each."""
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
        found.append(_mix(hashes[at] + np.uint64(size)))
    return np.concatenate([np.empty(0, np.int64), *places]), np.concatenate([np.empty(0, np.uint64), *found])


def _mix(values: Hashes) -> Hashes:
    """Mix the bits, so that each bit of the result depends on each bit of the value."""
    for _ in range(2):
        values = (values ^ (values >> _HALF)) * _MIX
    return values ^ (values >> _HALF)


def _signed_features(places: Places, hashes: Hashes, width: int) -> tuple[Places, Hashes]:
    """For each hash its place, and its feature with the sign as the last bit."""
    return places, ((hashes % np.uint64(width)) << _ONE) | (hashes >> _TOP)


def _repeat_by_text(marked: MarkedTexts, tokens: Places, signed: Hashes) -> tuple[Places, Hashes]:
    """Repeat the features of each different token for each of its occurrences in the texts."""
    signed = signed[np.argsort(tokens, kind="stable")]
    counts = np.bincount(tokens, minlength=len(marked.lengths))
    starts, counts = (np.cumsum(counts) - counts)[marked.tokens], counts[marked.tokens]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    texts = np.repeat(np.arange(len(marked)), np.diff(marked.ends))
    return np.repeat(texts, counts), signed[np.repeat(starts, counts) + within]


def _sum_signs(rows: Places, signed: Hashes, shape: tuple[int, int]) -> SparseRows:
    """Sum the signs of each feature in each row; one sort of integers groups them."""
    keys = (rows.astype(np.uint64) << _HALF) | signed
    keys.sort()
    cells = keys >> _ONE
    starts = np.flatnonzero(np.diff(cells, prepend=~np.uint64(0)))
    signs = np.where(keys & _ONE, np.float32(1), np.float32(-1))
    sums = np.add.reduceat(signs, starts) if len(starts) else signs
    cells, sums = cells[starts][sums != 0], sums[sums != 0]
    ends = np.searchsorted(cells >> (_HALF - _ONE), np.arange(shape[0] + 1, dtype=np.uint64))
    return SparseRows(sums, (cells & _FEATURE).astype(np.int32), ends, shape)


def idf_of(frequencies: Places, rows: int) -> npt.NDArray[np.float32]:
    """The inverse document frequency of each feature among `rows` texts, smoothed as scikit-learn does it."""
    smoothed = frequencies.astype(np.float32) + np.float32(1)
    idf: npt.NDArray[np.float32] = np.log(np.float32(rows + 1) / smoothed) + np.float32(1)
    return idf
