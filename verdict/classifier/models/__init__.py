"""What a model makes of features, by kind: a package each, with the model itself and how it is trained.

Of a kind's package two functions are called: `rebuilt(tensors, reads, classes)`, and `fit` of its module `training`.
"""

from importlib import import_module

from verdict.classifier.features.featurizer import Featurizer, representation_of
from verdict.classifier.params.kinds import KINDS, Model, Tensors


def rebuilt(kind: str, tensors: Tensors, featurizer: Featurizer, classes: int) -> Model:
    """A model from its named arrays and what it reads; `ValueError` when they do not fit together."""
    given = representation_of(featurizer)
    if given not in KINDS[kind].representations:
        raise ValueError(f"a model of kind {kind} does not read {given}")
    model: Model = import_module(f"{__name__}.{kind}").rebuilt(tensors, featurizer, classes)
    return model
