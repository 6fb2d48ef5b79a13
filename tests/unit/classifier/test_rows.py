"""Tests of features/rows.py and TfIdf.transform: without SciPy, and in SciPy's bits."""

import numpy as np
import pytest
import scipy.sparse as sp

from tests.unit.classifier.test_features import TRAINING, UNSEEN, with_min_df
from verdict.classifier.features import tfidf
from verdict.classifier.features.negation import mark
from verdict.classifier.features.rows import SparseRows, stack_rows
from verdict.classifier.features.sparse_io import to_scipy
from verdict.classifier.params import Params


def random_rows(rows: int, columns: int, seed: int = 0) -> SparseRows:
    """Rows of up to 200 numbers, some of them empty."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(0, 200, rows) * draw.integers(0, 2, rows)
    indices = [np.sort(draw.choice(columns, size, replace=False)) for size in sizes]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    data = draw.normal(size=ends[-1]).astype(np.float32)
    return SparseRows(data, np.concatenate([*indices, np.zeros(0)]).astype(np.int32), ends, (rows, columns))


@pytest.mark.parametrize("width", [2, 3, 7, 8, 33, 500])
def test_the_product_has_the_bits_of_scipy(width: int) -> None:
    """For a few and for many classes it is SciPy's to the last bit, empty rows included."""
    rows = random_rows(100, 3_000)
    dense = np.random.default_rng(1).normal(size=(3_000, width)).astype(np.float32)
    assert (rows @ dense).tobytes() == np.asarray(to_scipy(rows) @ dense).tobytes()
    assert not (rows @ dense)[np.diff(rows.indptr) == 0].any()


def test_stacked_rows_are_those_of_their_parts() -> None:
    """One part is itself; of several the rows stand in order."""
    parts = [random_rows(rows, 500, seed) for seed, rows in enumerate((3, 0, 20))]
    assert stack_rows(parts[:1]) is parts[0]
    whole = to_scipy(stack_rows(parts))
    assert whole.shape == (23, 500)
    assert np.array_equal(whole.toarray(), sp.vstack([to_scipy(part) for part in parts]).toarray())


def by_scipy(block: tfidf.Block, numbers: list[list[int]]) -> sp.csr_matrix:
    """(1 + log count) · idf by SciPy's own steps, each row then of length 1."""
    flat = np.array([number for row in numbers for number in row], dtype=np.int32)
    ends = np.cumsum([0, *map(len, numbers)])
    counts = sp.csr_matrix((np.ones(len(flat), dtype=np.float32), flat, ends), shape=(len(numbers), len(block.terms)))
    counts.sum_duplicates()
    counts.data = (np.log(counts.data) + 1) * block.idf[counts.indices]
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1
    counts.data /= np.repeat(lengths, np.diff(counts.indptr)).astype(np.float32)
    return counts


@pytest.mark.parametrize("at_once", [1, 4, 1_000])
def test_the_features_have_the_bits_of_scipy(params: Params, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Whatever number of texts is weighed at a time, the matrix is the one of SciPy's steps."""
    monkeypatch.setattr(tfidf, "_TEXTS", at_once)
    settings = with_min_df(params, 1).featurize
    made, texts = tfidf.fit(TRAINING, settings), [*UNSEEN, *TRAINING, "", *UNSEEN]
    tokens = [mark(text, settings.negation_span, settings.repeat_after_but).split() for text in texts]
    words = by_scipy(made.word, [list(made.word.words(row)) for row in tokens])
    chars = by_scipy(made.char, [list(made.char.characters(row)) for row in tokens])
    expected = sp.hstack([words, chars], format="csr", dtype=np.float32)
    found = made.transform(texts)
    assert found.shape == expected.shape
    for name in ("data", "indices", "indptr"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert (ours.dtype, ours.tobytes()) == (theirs.dtype, theirs.tobytes())
    assert made.transform([]).shape == (0, made.size)
