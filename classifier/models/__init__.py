"""The kinds of model: what each one makes of features. How each one is trained stands in `classifier.training`."""

from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from classifier.models.bag import Bag
from classifier.models.linear import Linear

Tensors = dict[str, npt.NDArray[np.float32]]


class Model(Protocol):
    """A trained model, without the library that trained it."""

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.float32]], features: int, classes: int) -> Self:
        """Rebuild from named arrays; `ValueError` when one is missing, surplus, or of another shape."""
        ...

    def tensors(self) -> Tensors:
        """The named arrays that make up the model, float32."""
        ...

    def probabilities(self, features: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """(n, features) to (n, classes); each row sums to 1."""
        ...


# A kind names what it reads (`representation`) beside what it is; a fine-tuned encoder will read token ids.
KINDS: dict[str, type[Model]] = {"linear": Linear, "bag": Bag}
REPRESENTATION = {"linear": "tfidf", "bag": "tfidf"}
