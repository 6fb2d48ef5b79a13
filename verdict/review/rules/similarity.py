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
# All in all so many pairs are looked at; of more, the commonest words do not make a pair worth a look.
_MOST_WORK = 500_000_000

# A set of words, each by its hash, in order: a tenth of what the words themselves take, of hundreds of thousands.
Words = bytes
Ints = npt.NDArray[np.int64]
Pair = tuple[sp.csr_matrix, sp.csr_matrix]


def similar_pairs(rows: list[Words], others: list[Words]) -> Iterator[tuple[npt.NDArray[np.float64], Ints, Ints]]:
    """How alike the pairs are that are nearly the same, and their places in both lists; of a row the most alike first.

    A pair shares one of the rarest words of either text, or it does not share enough: only those are looked at
    (prefix filtering, Bayardo et al. 2007). Of hundreds of thousands of texts those are too many: then pairs that share
    none but very common words are left out.
    """
    right, vocabulary = _matrix(others)
    left, sizes = _rows_of(rows, vocabulary), [_sizes(part) for part in (rows, others)]
    rare = _prefixes(left, sizes[0], ALIKE**2), _prefixes(right, sizes[1], HELD)
    rare = _affordable(rare, left, right)
    work = np.cumsum(rare[0] @ right.getnnz(axis=0) + left @ rare[1].getnnz(axis=0))
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


def _affordable(rare: Pair, left: sp.csr_matrix, right: sp.csr_matrix) -> Pair:
    """Take the commonest words out of both prefixes where too many pairs would be looked at."""
    each = [part.getnnz(axis=0).astype(np.float64) for part in (rare[0], right, left, rare[1])]
    common = int(np.searchsorted(np.cumsum(each[0] * each[1] + each[2] * each[3]), _MOST_WORK, side="right"))
    return rare if common == right.shape[1] else (_below(rare[0], common), _below(rare[1], common))


def _below(matrix: sp.csr_matrix, column: int) -> sp.csr_matrix:
    kept = sp.diags_array((np.arange(matrix.shape[1]) < column).astype(np.float32))
    found = sp.csr_matrix(matrix @ kept)
    found.eliminate_zeros()
    return found


def _prefixes(matrix: sp.csr_matrix, sizes: Ints, share: float) -> sp.csr_matrix:
    """Of each text so many of its rarest words that whatever shares `share` of all of them shares one of these.

    Args:
        matrix: the words that are known; all others are rarer.
        sizes: how many words each text has, known or not.
        share: of its words.
    """
    known = np.diff(matrix.indptr)
    most = sizes - np.ceil(share * sizes - 1e-9).astype(np.int64) + 1 - (sizes - known)
    nth = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], known)
    kept = nth < np.repeat(most, known)
    return _sparse(matrix.indices[kept], np.clip(np.minimum(most, known), 0, None), matrix.shape[1])
