"""Sparse matrices as files: safetensors, in the same bytes on every machine.

SciPy's .npz is a zip, whose headers depend on the patch release of Python.
"""

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from verdict.base.errors import VerdictError
from verdict.classifier.features.arrays import read_arrays, write_arrays
from verdict.classifier.features.rows import SparseRows

_PARTS = ("data", "indices", "indptr")


def write_matrix(path: Path, matrix: SparseRows) -> None:
    """Write a matrix with its checksum."""
    shape = np.array(matrix.shape, dtype=np.int64)
    write_arrays(path, {**{name: getattr(matrix, name) for name in _PARTS}, "shape": shape})


def to_scipy(rows: SparseRows) -> sp.csr_matrix:
    """The same matrix as a training takes it."""
    return sp.csr_matrix((rows.data, rows.indices, rows.indptr), shape=rows.shape)


def read_matrix(path: Path, remedy: str) -> sp.csr_matrix:
    """Read what `write_matrix` wrote; `VerdictError` with `remedy` when it is missing, damaged or something else."""
    parts = read_arrays(path, remedy, (*_PARTS, "shape"), "a sparse matrix")
    try:
        matrix = sp.csr_matrix(tuple(parts[name] for name in _PARTS), shape=tuple(parts["shape"].tolist()))
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise VerdictError(str(path), f"not readable as a sparse matrix: {error}", remedy) from None
    return matrix
