"""Find the pairs of nearly equal texts between two lists, by their sets of words, however long the lists are."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

# The least similarity, shared words ÷ the geometric mean of both counts: as of four words with one swapped, two with
# one added, ten with five.
ALIKE = 0.75
# Or: the texts share at least CONTAINED_WORDS words, and these are at least this share of the shorter text.
CONTAINED, CONTAINED_WORDS = 0.85, 5
_WORK = 1_000_000  # pairs at a time: keeps a batch below some 200 MB
# At most so many pairs are compared; beyond that, pairs that share only the commonest words are left out.
_MOST_WORK = 500_000_000

# A set of words: their hashes in order, which take a tenth of the words' memory.
Words = bytes
Ints = npt.NDArray[np.int64]
Pair = tuple[sp.csr_matrix, sp.csr_matrix]


def similar_pairs(rows: list[Words], others: list[Words]) -> Iterator[tuple[npt.NDArray[np.float64], Ints, Ints]]:
    """Yield the similarities of similar pairs and their places in both lists, for each row the most similar first.

    A pair that shares enough words shares one of the rarest words of either text: only such pairs are compared (prefix
    filtering, Bayardo et al. 2007). Of hundreds of thousands of texts those are too many: then pairs that share only
    very common words are left out.
    """
    right, vocabulary = _matrix(others)
    left, left_sizes, right_sizes = _rows_of(rows, vocabulary), _sizes(rows), _sizes(others)
    rare = _prefixes(left, left_sizes, ALIKE**2), _prefixes(right, right_sizes, CONTAINED)
    rare = _affordable(rare, left, right)
    work = np.cumsum(rare[0] @ right.getnnz(axis=0) + left @ rare[1].getnnz(axis=0))
    columns = right.T.tocsr(), rare[1].T.tocsr()
    ends = [*np.flatnonzero(np.diff(work // _WORK, prepend=0)), len(rows)]
    for begin, end in zip([0, *ends], ends, strict=False):
        candidates = (rare[0][begin:end] @ columns[0] + left[begin:end] @ columns[1]).tocoo()
        row, other = candidates.row.astype(np.int64) + begin, candidates.col.astype(np.int64)
        shared = np.asarray(left[row].multiply(right[other]).sum(axis=1)).ravel()
        row_size, other_size = left_sizes[row], right_sizes[other]
        score = shared / np.sqrt(row_size * other_size)
        hits = (score >= ALIKE) | (
            (shared >= CONTAINED_WORDS) & (shared >= CONTAINED * np.minimum(row_size, other_size))
        )
        score, row, other = score[hits], row[hits], other[hits]
        order = np.lexsort((other, -score, row))
        yield score[order], row[order], other[order]


def _sizes(texts: list[Words]) -> Ints:
    """The number of words of each text."""
    return np.fromiter((len(words) // 8 for words in texts), np.int64, len(texts))


def _matrix(texts: list[Words]) -> tuple[sp.csr_matrix, Ints]:
    """Matrix of the words of each text, and the words of its columns, from the rarest to the commonest."""
    vocabulary, places, counts = np.unique(_flat(texts), return_inverse=True, return_counts=True)
    rank = np.empty(len(vocabulary), np.int64)
    order = np.argsort(counts, kind="stable")
    rank[order] = np.arange(len(vocabulary))
    return _sparse(rank[places], _sizes(texts), len(vocabulary)), vocabulary[order]


def _rows_of(texts: list[Words], vocabulary: Ints) -> sp.csr_matrix:
    """Matrix of the words of each text, as far as the vocabulary has them."""
    flat, sizes, sorter = _flat(texts), _sizes(texts), np.argsort(vocabulary)
    places = sorter[np.minimum(np.searchsorted(vocabulary, flat, sorter=sorter), len(vocabulary) - 1)]
    known = vocabulary[places] == flat
    known_sizes = np.bincount(np.repeat(np.arange(len(texts)), sizes)[known], minlength=len(texts))
    return _sparse(places[known], known_sizes, len(vocabulary))


def _flat(texts: list[Words]) -> Ints:
    return np.frombuffer(b"".join(texts), np.int64)


def _sparse(places: Ints, sizes: Ints, width: int) -> sp.csr_matrix:
    ends = np.concatenate([[0], np.cumsum(sizes)])
    matrix = sp.csr_matrix((np.ones(len(places), np.float32), places, ends), (len(sizes), width))
    matrix.sort_indices()
    return matrix


def _affordable(rare: Pair, left: sp.csr_matrix, right: sp.csr_matrix) -> Pair:
    """Take the commonest words out of both prefixes where too many pairs would be compared."""
    counts = [part.getnnz(axis=0).astype(np.float64) for part in (rare[0], right, left, rare[1])]
    common = int(np.searchsorted(np.cumsum(counts[0] * counts[1] + counts[2] * counts[3]), _MOST_WORK, side="right"))
    return rare if common == right.shape[1] else (_below(rare[0], common), _below(rare[1], common))


def _below(matrix: sp.csr_matrix, column: int) -> sp.csr_matrix:
    kept = sp.diags_array((np.arange(matrix.shape[1]) < column).astype(np.float32))
    reduced = sp.csr_matrix(matrix @ kept)
    reduced.eliminate_zeros()
    return reduced


def _prefixes(matrix: sp.csr_matrix, sizes: Ints, share: float) -> sp.csr_matrix:
    """The rarest words of each text, just enough that a text with `share` of all its words has one of them.

    Args:
        matrix: the words of the vocabulary; all others are rarer.
        sizes: the number of words of each text, in the vocabulary or not.
        share: of the text's words.
    """
    known = np.diff(matrix.indptr)
    most = sizes - np.ceil(share * sizes - 1e-9).astype(np.int64) + 1 - (sizes - known)
    nth = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], known)
    kept = nth < np.repeat(most, known)
    return _sparse(matrix.indices[kept], np.clip(np.minimum(most, known), 0, None), matrix.shape[1])
