"""What a model makes of features, by kind: a package each, with the model itself and how it is trained.

Of a kind's package two functions are called: `rebuilt(tensors, reads, classes)`, and `fit` of its module `training`.
"""

from importlib import import_module

from verdict.classifier.features.reads import Reads, representation_of
from verdict.classifier.params.kinds import KINDS, Model, Tensors


def rebuilt(kind: str, tensors: Tensors, reads: Reads, classes: int) -> Model:
    """A model from its named arrays and what it reads; `ValueError` when they do not fit together."""
    given = representation_of(reads)
    if given not in KINDS[kind].reads:
        raise ValueError(f"a model of kind {kind} does not read {given}")
    model: Model = import_module(f"{__name__}.{kind}").rebuilt(tensors, reads, classes)
    return model
