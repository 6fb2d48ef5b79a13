"""Hashes of groups: an artifact names by them the groups that it learnt from."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Groups = npt.NDArray[np.uint64]


def group_hash(group: str) -> str:
    """Return the name of a group in documents.json: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def group_hashes(groups: Iterable[str]) -> Groups:
    """Return the hash of each group as a number."""
    return np.fromiter((int(group_hash(group), 16) for group in groups), np.uint64)
