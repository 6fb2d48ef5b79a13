"""How each kind of model is trained. Only the stage `train` and the benchmarks need this room."""

from pathlib import Path
from time import monotonic

from verdict.base import numerics
from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.classifier.features.pretrained import WEIGHTS
from verdict.classifier.features.tokens import CONFIG, missing_library
from verdict.classifier.params import Train
from verdict.classifier.training.loop import Data, Fitted


def fit(params: Train, train: Data, validation: Data, start: Path | None = None) -> Fitted:
    """Train the kind of model that `train.model` names.

    Args:
        params: of the training.
        train: what is trained on.
        validation: what stops it.
        start: of an encoder alone, the folder of the checkpoint that it starts from.

    Raises:
        VerdictError: the device is not there, or this kind cannot use it.
    """
    require_possible(params)
    # One kind's library is not imported for the other: torch takes 1.5 s, scikit-learn 1 s.
    if params.model == "encoder":
        numerics.pin_torch(params.deterministic)
        return _fit_encoder(params, train, validation, start)
    before = monotonic()
    if params.model == "linear":
        from verdict.classifier.models.linear.training import fit_linear

        fitted = fit_linear(params, train, validation)
    else:
        from verdict.classifier.models.bag.training import fit_bag

        fitted = fit_bag(params, train, validation)
    return fitted._replace(seconds=monotonic() - before)


def require_possible(params: Train) -> None:
    """Refuse devices and processes that do not go with the kind of model, or with each other."""
    if params.model == "linear" and params.device != "cpu":
        what = f"train.device: linear runs on cpu, not on {params.device}"
        raise VerdictError("params.yaml", what, "train.device: cpu, or another train.model")
    if params.processes > 1 and params.model != "encoder":
        what = f"train.processes: {params.model} trains in one process, not in {params.processes}"
        raise VerdictError("params.yaml", what, "train.processes: 1, or train.model: encoder")
    if params.processes > 1 and ":" in params.device:
        what = f"train.device: {params.device} is one device, for {params.processes} processes"
        raise VerdictError("params.yaml", what, "train.device: cuda, of which each process takes one")


def _fit_encoder(params: Train, train: Data, validation: Data, start: Path | None) -> Fitted:
    if start is None:
        raise TypeError("an encoder starts from a checkpoint")
    config = read_json(start / CONFIG, "dvc repro featurize")
    try:
        from verdict.classifier.models.encoder.training import fit_encoder
    except ImportError as error:
        raise missing_library(error.name or "transformers") from None
    return fit_encoder(params, train, validation, start / WEIGHTS, config)
