"""Named arrays as a file: safetensors with a checksum, in the same bytes on every machine."""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from verdict.base.errors import VerdictError
from verdict.base.files import replacing

Arrays = Mapping[str, npt.NDArray[Any]]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays with their checksum."""
    parts = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    with replacing(path) as partial:
        partial.write_bytes(save(dict(sorted({**parts, "crc32": _checksum(parts)}.items()))))


def read_arrays(path: Path, remedy: str, names: Collection[str], what: str) -> dict[str, npt.NDArray[Any]]:
    """Read what `write_arrays` wrote; `VerdictError` when it is missing, damaged or not such a thing as `what`."""
    try:
        parts = load_file(path)
        if not np.array_equal(parts.pop("crc32"), _checksum(parts)):
            raise ValueError("its checksum is another")
        if set(parts) != set(names):
            raise ValueError(f"it holds {', '.join(sorted(parts))}")
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise VerdictError(str(path), f"not readable as {what}: {error}", remedy) from None
    return parts


def _checksum(parts: Arrays) -> npt.NDArray[np.int64]:
    value = 0
    for name in sorted(parts):
        value = zlib.crc32(parts[name].tobytes(), value)
    return np.array([value], dtype=np.int64)
