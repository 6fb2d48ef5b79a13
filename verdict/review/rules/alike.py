"""Which of two lists of texts are nearly the same, by their sets of words, however long the lists are."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

# Shared words ÷ the geometric mean of both counts: four words with one swapped, two with one added, ten with five.
ALIKE = 0.75
# Of two texts that share at least so many words, the shorter one stands in the longer one up to so much of it.
HELD, HELD_WORDS = 0.85, 5
_WORK = 1_000_000  # pairs at a time: keeps what is looked at together below some 200 MB
# Words that stand in more texts than that do not make a pair worth a look: of those there would be billions.
_COMMON = 20_000

# A set of words, each by its hash, in order: a tenth of what the words themselves take, of hundreds of thousands.
Words = bytes
Ints = npt.NDArray[np.int64]


def alike(rows: list[Words], others: list[Words]) -> Iterator[tuple[npt.NDArray[np.float64], Ints, Ints]]:
    """How alike the pairs are that are nearly the same, and their places in both lists; of a row the most alike first.

    A pair shares one of the rarest words of either text, or it does not share enough: only those are looked at
    (prefix filtering, Bayardo et al. 2007). Where these words stand in very many of the others, they do not count.
    """
    right, vocabulary = _matrix(others)
    left, sizes = _rows_of(rows, vocabulary), [_sizes(part) for part in (rows, others)]
    common = int(np.searchsorted(right.getnnz(axis=0), _COMMON, side="right"))
    rare = _prefixes(left, sizes[0], ALIKE**2, common), _prefixes(right, sizes[1], HELD, common)
    counts = [part.getnnz(axis=0) for part in (right, rare[1])]
    work = np.cumsum(rare[0] @ counts[0] + left @ counts[1])
    columns = right.T.tocsr(), rare[1].T.tocsr()
    ends = [*np.flatnonzero(np.diff(work // _WORK, prepend=0)), len(rows)]
    for begin, end in zip([0, *ends], ends, strict=False):
        possible = (rare[0][begin:end] @ columns[0] + left[begin:end] @ columns[1]).tocoo()
        own, other = possible.row.astype(np.int64) + begin, possible.col.astype(np.int64)
        shared = np.asarray(left[own].multiply(right[other]).sum(axis=1)).ravel()
        mine, theirs = sizes[0][own], sizes[1][other]
        score = shared / np.sqrt(mine * theirs)
        hits = (score >= ALIKE) | ((shared >= HELD_WORDS) & (shared >= HELD * np.minimum(mine, theirs)))
        score, own, other = score[hits], own[hits], other[hits]
        order = np.lexsort((other, -score, own))
        yield score[order], own[order], other[order]


def _sizes(texts: list[Words]) -> Ints:
    """How many words each text has."""
    return np.fromiter((len(words) // 8 for words in texts), np.int64, len(texts))


def _matrix(texts: list[Words]) -> tuple[sp.csr_matrix, Ints]:
    """Which words each text has, by columns from the rarest to the commonest, and the words in that order."""
    vocabulary, places, counts = np.unique(_flat(texts), return_inverse=True, return_counts=True)
    rank = np.empty(len(vocabulary), np.int64)
    order = np.argsort(counts, kind="stable")
    rank[order] = np.arange(len(vocabulary))
    return _sparse(rank[places], _sizes(texts), len(vocabulary)), vocabulary[order]


def _rows_of(texts: list[Words], vocabulary: Ints) -> sp.csr_matrix:
    """Which of these words each text has."""
    flat, sizes, sorter = _flat(texts), _sizes(texts), np.argsort(vocabulary)
    places = sorter[np.minimum(np.searchsorted(vocabulary, flat, sorter=sorter), len(vocabulary) - 1)]
    known = vocabulary[places] == flat
    kept = np.bincount(np.repeat(np.arange(len(texts)), sizes)[known], minlength=len(texts))
    return _sparse(places[known], kept, len(vocabulary))


def _flat(texts: list[Words]) -> Ints:
    return np.frombuffer(b"".join(texts), np.int64)


def _sparse(places: Ints, sizes: Ints, width: int) -> sp.csr_matrix:
    ends = np.concatenate([[0], np.cumsum(sizes)])
    made = sp.csr_matrix((np.ones(len(places), np.float32), places, ends), (len(sizes), width))
    made.sort_indices()
    return made


def _prefixes(matrix: sp.csr_matrix, sizes: Ints, share: float, common: int) -> sp.csr_matrix:
    """Of each text so many of its rarest words that whatever shares `share` of all of them shares one of these.

    Args:
        matrix: the words that are known; all others are rarer.
        sizes: how many words each text has, known or not.
        share: of its words.
        common: the column that the words begin with that are too common to count.
    """
    known = np.diff(matrix.indptr)
    most = sizes - np.ceil(share * sizes - 1e-9).astype(np.int64) + 1 - (sizes - known)
    nth = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], known)
    kept = (nth < np.repeat(most, known)) & (matrix.indices < common)
    rows = np.repeat(np.arange(len(sizes)), known)[kept]
    return _sparse(matrix.indices[kept], np.bincount(rows, minlength=len(sizes)), matrix.shape[1])
