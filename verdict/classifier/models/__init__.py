"""The kinds of model: what each one makes of features. `verdict.classifier.training` trains them."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.features.tokens import Tokeniser, Tokens
from verdict.classifier.models.bag import Bag
from verdict.classifier.models.encoder import Encoder
from verdict.classifier.models.linear import Linear

Tensors = dict[str, npt.NDArray[np.float32]]


class Model(Protocol):
    """A trained model, without the library that trained it."""

    def tensors(self) -> Tensors:
        """The named arrays that make up the model, float32."""
        ...

    def probabilities(self, features: "sp.csr_matrix | Tokens") -> npt.NDArray[np.float64]:
        """N sentences to (n, classes); each row sums to 1."""
        ...


def rebuilt(kind: str, tensors: Tensors, reads: TfIdf | Tokeniser, classes: int) -> Model:
    """A model from its named arrays and what it reads; `ValueError` when they do not fit together."""
    if kind == "encoder":
        if not isinstance(reads, Tokeniser):
            raise ValueError("an encoder does not read tfidf")
        return Encoder.from_tensors(tensors, reads.config, classes)
    if not isinstance(reads, TfIdf):
        raise ValueError(f"a {kind} model does not read tokens")
    return (Linear if kind == "linear" else Bag).from_tensors(tensors, reads.size, classes)
