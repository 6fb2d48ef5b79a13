"""The kinds of model. A new kind is a line here, a package in `classifier.models`, and a group of params.yaml."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import AfterValidator

if TYPE_CHECKING:  # a look at the params, in CI, has no numpy
    import numpy as np
    import numpy.typing as npt

Representation = Literal["tfidf", "hashing", "tokens"]
# `Rows`; while training a scipy.sparse.csr_matrix, which has no types, with the same product; or `Tokens`, or `Shards`.
Features = Any
Tensors: TypeAlias = "dict[str, npt.NDArray[np.float32]]"


class Model(Protocol):
    """A trained model, without the library that trained it."""

    def tensors(self) -> Tensors:
        """The named arrays that make up the model, float32."""
        ...

    def probabilities(self, features: Features) -> "npt.NDArray[np.float64]":
        """N texts, as a sparse matrix or as `Tokens`, to (n, classes); each row sums to 1."""
        ...


@dataclass(frozen=True)
class Kind:
    """The representations and the hardware that a kind of model can use.

    Args:
        representations: what `featurize` can make for it.
        gpu: whether its training can use one.
        processes: whether several processes can train it together.
    """

    representations: tuple[Representation, ...]
    gpu: bool = True
    processes: bool = False


KINDS = {
    "linear": Kind(("tfidf", "hashing"), gpu=False),
    "bag": Kind(("tfidf",)),
    "encoder": Kind(("tokens",), processes=True),
}


def _known(name: str) -> str:
    if name not in KINDS:
        *others, last = map(repr, KINDS)
        raise ValueError(f"Input should be {', '.join(others)} or {last}")
    return name


# The name of a kind, as pydantic checks it.
ModelKind = Annotated[str, AfterValidator(_known)]
