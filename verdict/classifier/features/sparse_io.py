"""Sparse matrices as files: safetensors, in the same bytes on every machine.

SciPy's .npz is a zip, whose headers depend on the patch release of Python.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from verdict.base.errors import VerdictError
from verdict.base.files import replacing

_PARTS = ("data", "indices", "indptr")


def write_matrix(path: Path, matrix: sp.csr_matrix) -> None:
    """Write a matrix with its checksum."""
    parts = {name: np.ascontiguousarray(getattr(matrix, name)) for name in _PARTS}
    parts["shape"] = np.array(matrix.shape, dtype=np.int64)
    parts["crc32"] = _checksum(parts)
    with replacing(path) as partial:
        partial.write_bytes(save(dict(sorted(parts.items()))))


def read_matrix(path: Path, remedy: str) -> sp.csr_matrix:
    """Read what `write_matrix` wrote; `VerdictError` with `remedy` when it is missing, damaged or something else."""
    try:
        parts = load_file(path)
        if not np.array_equal(parts.pop("crc32"), _checksum(parts)):
            raise ValueError("its checksum is another")
        matrix = sp.csr_matrix(tuple(parts[name] for name in _PARTS), shape=tuple(parts["shape"].tolist()))
        matrix.check_format(full_check=True)
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise VerdictError(str(path), f"not readable as a sparse matrix: {error}", remedy) from None
    return matrix


def _checksum(parts: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    value = 0
    for name in (*_PARTS, "shape"):
        value = zlib.crc32(parts[name].tobytes(), value)
    return np.array([value], dtype=np.int64)
