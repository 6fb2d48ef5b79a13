"""Trains the kind of model that `train.model` names. Only the stage `train` and the benchmarks need this."""

from importlib import import_module
from pathlib import Path
from time import monotonic

from verdict.base import numerics
from verdict.base.errors import VerdictError
from verdict.classifier.features.tokens import missing_library
from verdict.classifier.params import Train
from verdict.classifier.params.kinds import KINDS
from verdict.classifier.training.loop import Fitted, TrainingData


def fit(
    params: Train, headline: str, train: TrainingData, validation: TrainingData, start: Path | None = None
) -> Fitted:
    """Train the kind of model that `train.model` names.

    Args:
        params: of the training.
        headline: the metric that decides.
        train: what is trained on.
        validation: what stops it.
        start: of an encoder alone, the folder of the checkpoint that it starts from.

    Raises:
        VerdictError: the device is not there, or this kind cannot use it.
    """
    require_possible(params)
    if "tokens" in KINDS[params.model].representations:
        numerics.pin_torch(params.deterministic)
    before = monotonic()
    # By name: one kind's library is not imported for another, and the DAG depends on the chosen kind's code alone.
    try:
        kind = import_module(f"verdict.classifier.models.{params.model}.training")
    except ImportError as error:
        raise missing_library(error.name or "transformers") from None
    fitted: Fitted = kind.fit(params, headline, train, validation, start)
    return fitted if fitted.seconds else fitted._replace(seconds=monotonic() - before)


def fit_seeds(
    params: Train, headline: str, train: TrainingData, validation: TrainingData, start: Path | None = None
) -> dict[int, Fitted]:
    """Train with each seed, as `fit` does; only with the artifact's own, the first, on the validation split, too."""
    others = {seed: params.model_copy(update={"seed": seed, "refit": False}) for seed in params.seeds}
    return {seed: fit(one, headline, train, validation, start) for seed, one in {params.seed: params, **others}.items()}


def require_possible(params: Train) -> None:
    """Refuse devices and processes that do not go with the kind of model, or with each other."""
    kind = KINDS[params.model]
    if not kind.gpu and params.device != "cpu":
        what = f"train.device: {params.model} runs on cpu, not on {params.device}"
        raise VerdictError("params.yaml", what, "train.device: cpu, or another train.model")
    if params.processes > 1 and not kind.processes:
        what = f"train.processes: {params.model} trains in one process, not in {params.processes}"
        raise VerdictError("params.yaml", what, "train.processes: 1, or train.model: encoder")
    if params.processes > 1 and ":" in params.device:
        what = f"train.device: {params.device} is one device, for {params.processes} processes"
        raise VerdictError("params.yaml", what, "train.device: cuda, of which each process takes one")
