"""The kinds of model: a package each, with the model itself and its training.

A kind's package has two functions that are called from outside: `model_from_tensors(tensors, featurizer, classes)`, and
`fit` of its module `training`.
"""

from importlib import import_module

from verdict.classifier.features.featurizer import Featurizer, representation_of
from verdict.classifier.params.kinds import KINDS, Model, Tensors


def model_from_tensors(kind: str, tensors: Tensors, featurizer: Featurizer, classes: int) -> Model:
    """A model from its named arrays and what it reads; `ValueError` when they do not fit together."""
    representation = representation_of(featurizer)
    if representation not in KINDS[kind].representations:
        raise ValueError(f"a model of kind {kind} does not read {representation}")
    model: Model = import_module(f"{__name__}.{kind}").model_from_tensors(tensors, featurizer, classes)
    return model
