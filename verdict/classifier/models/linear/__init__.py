"""Logistic regression, one class against the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from verdict.classifier.features.hashing import HashedNgrams
from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.models.tensors import one_against_rest, require_tensors
from verdict.classifier.params.kinds import Features

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """`coefficients` of shape (features, classes), `intercepts` of shape (classes,)."""

    coefficients: Floats
    intercepts: Floats

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats], features: int, classes: int) -> Self:
        """Rebuild from named arrays; `ValueError` when one is missing, surplus, or of another shape."""
        require_tensors(tensors, {"coefficients": (features, classes), "intercepts": (classes,)})
        return cls(tensors["coefficients"], tensors["intercepts"])

    def tensors(self) -> dict[str, Floats]:
        """The named arrays that make up the model."""
        return {"coefficients": self.coefficients, "intercepts": self.intercepts}

    def probabilities(self, features: Features) -> npt.NDArray[np.float64]:
        """(n, features) to (n, classes); each row sums to 1."""
        return one_against_rest(np.asarray(features @ self.coefficients) + self.intercepts)


def model_from_tensors(tensors: Mapping[str, Floats], featurizer: TfIdf | HashedNgrams, classes: int) -> Linear:
    """The model of an artifact; `ValueError` when its arrays do not fit what it reads."""
    return Linear.from_tensors(tensors, featurizer.size, classes)
