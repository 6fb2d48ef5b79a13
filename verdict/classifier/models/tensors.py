"""Checks and functions of arrays that all kinds of model use."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Tensors = Mapping[str, npt.NDArray[np.float32]]


def require_tensors(tensors: Tensors, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
    """Check names, shapes (`None`: any size), type and finiteness; `ValueError` names the first that is off."""
    if set(tensors) != set(shapes):
        raise ValueError(f"tensors {sorted(tensors)}, expected {sorted(shapes)}")
    for name, expected in shapes.items():
        tensor = tensors[name]
        fits = len(tensor.shape) == len(expected) and all(
            want in (None, size) for want, size in zip(expected, tensor.shape, strict=True)
        )
        if not fits or tensor.dtype != np.float32:
            raise ValueError(f"tensor {name} is {tensor.dtype}{list(tensor.shape)}, expected float32{list(expected)}")
        if not np.isfinite(tensor).all():
            raise ValueError(f"tensor {name} holds NaN or infinity")


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Row-wise, in double precision."""
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    return _to_one(np.exp(shifted))


def one_against_rest(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The probability of each class against the rest, scaled to sum to 1; even where all of them are 0."""
    # With a single text each call of NumPy counts: np.clip alone takes as long as three others.
    bounded = np.minimum(np.maximum(np.negative(scores, dtype=np.float64), -500), 500)
    return _to_one(1 / (1 + np.exp(bounded)))


def _to_one(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each row scaled to sum to 1."""
    scaled: npt.NDArray[np.float64] = values / np.add.reduce(values, axis=1, keepdims=True)
    return scaled
