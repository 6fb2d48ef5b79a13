"""An embedding bag: the features' embeddings, weighted by their TF-IDF and summed, then a linear layer.

It is trained with torch and used without: a weighted sum of embeddings is a product with a sparse matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.models.tensors import require_tensors, softmax
from verdict.classifier.params.kinds import Features

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bag:
    """`embedding` (features, size), `bias` (size,), `output` (size, classes), `output_bias` (classes,)."""

    embedding: Floats
    bias: Floats
    output: Floats
    output_bias: Floats

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats], features: int, classes: int) -> Self:
        """Rebuild from named arrays; `ValueError` when one is missing, surplus, or of another shape."""
        size = tensors["bias"].size if "bias" in tensors else None
        shapes = {
            "embedding": (features, size),
            "bias": (size,),
            "output": (size, classes),
            "output_bias": (classes,),
        }
        require_tensors(tensors, shapes)
        return cls(**tensors)

    def tensors(self) -> dict[str, Floats]:
        """The named arrays that make up the model."""
        return {name: getattr(self, name) for name in ("embedding", "bias", "output", "output_bias")}

    def probabilities(self, features: Features) -> npt.NDArray[np.float64]:
        """(n, features) to (n, classes); each row sums to 1."""
        bags = np.asarray(features @ self.embedding) + self.bias
        return softmax(bags @ self.output + self.output_bias)


def model_from_tensors(tensors: Mapping[str, Floats], featurizer: TfIdf, classes: int) -> Bag:
    """The model of an artifact; `ValueError` when its arrays do not fit what it reads."""
    return Bag.from_tensors(tensors, featurizer.size, classes)
