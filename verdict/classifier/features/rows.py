"""A sparse matrix by rows that gives SciPy's results bit for bit, with only what a prediction needs.

SciPy checks and converts at every step, which takes five times as long as the arithmetic of one sentence; and it is
larger than all other libraries of a service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
# The column numbers, rising, and their values.
Row = tuple[npt.NDArray[np.int32], Floats]
_NO_ROW: Row = (np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class SparseRows:
    """Row i has `data[ends[i]:ends[i + 1]]` in the columns `indices[ends[i]:ends[i + 1]]`, rising; elsewhere 0.

    The names of the attributes are those of `scipy.sparse.csr_matrix`, which takes them as they are.
    """

    data: Floats
    indices: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.integer]
    shape: tuple[int, int]

    @classmethod
    def from_rows(cls, rows: Sequence[Row], columns: int) -> Self:
        """The matrix of some rows."""
        ends = np.array([0, *accumulate(len(indices) for indices, _ in rows)], np.int32)
        # To join one array with none takes longer than it looks.
        indices, data = rows[0] if len(rows) == 1 else map(np.concatenate, zip(_NO_ROW, *rows, strict=True))
        return cls(data, indices, ends, (len(rows), columns))

    def __matmul__(self, dense: Floats) -> Floats:
        """The product with (columns, n); each row by itself, so that alone and in a batch it has the same bits."""
        product = np.zeros((self.shape[0], dense.shape[1]), dtype=np.float32)
        ends = self.indptr.tolist()
        for row, (start, end) in enumerate(pairwise(ends)):
            parts = dense.take(self.indices[start:end], axis=0)
            parts *= self.data[start:end, None]
            np.add.reduce(parts, axis=0, out=product[row])
        return product


def stack_rows(parts: Sequence[SparseRows]) -> SparseRows:
    """The rows of all parts, of which there is at least one, in their order."""
    if len(parts) == 1:
        return parts[0]
    ends = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.indptr) for part in parts]))])
    return SparseRows(
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.indices for part in parts]),
        ends.astype(np.int32 if ends[-1] < 2**31 else np.int64),
        (len(ends) - 1, parts[0].shape[1]),
    )
