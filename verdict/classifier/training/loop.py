"""What the training of every kind shares: targets, early stopping, the learning curve, the progress bar."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import ndtr
from tqdm import tqdm

from verdict.base.errors import VerdictError
from verdict.classifier.features.tokens import Tokens
from verdict.classifier.kinds import Features, Model
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import log_loss, scores

NEUTRAL = "neutral"
Curve = list[dict[str, Any]]
Probabilities = npt.NDArray[np.float64]
# A function that trains one more epoch (numbered from 0): the model so far, and its training loss.
Step = Callable[[int], tuple[Model, float]]


class Fitted(NamedTuple):
    """What a training leaves.

    Args:
        model: what the artifact holds; with `train.refit` it was trained on the validation split, too.
        curve: of the training that the validation split stopped.
        validation: what that training's best model says of the validation split, which it was not trained on; (n, 3).
        sentences: how many were trained on, each counted once for every epoch.
        epochs: after how many the validation split found the model best.
        seconds: spent on training, also before it was killed and went on.
        states: files to remove (`verdict.classifier.training.checkpoints.forget`) once the results are written.
    """

    model: Model
    curve: Curve
    validation: Probabilities
    sentences: int
    epochs: int
    seconds: float = 0.0
    states: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Data:
    """n sentences: `features` (n, size) or n times token ids, `labels` (n,), `valence` (n,) in [-4, 4]."""

    features: Features
    labels: npt.NDArray[np.str_]
    valence: npt.NDArray[np.float64]

    def joined(self, other: "Data") -> "Data":
        """These sentences, then the other's."""
        return Data(
            joined(self.features, other.features),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.valence, other.valence]),
        )


def joined(first: Features, second: Features) -> Features:
    """The rows of both, one after the other; they are of one representation."""
    if isinstance(first, Tokens) and isinstance(second, Tokens):
        return first.joined(second)
    return sp.vstack([first, second], format="csr")


def targets(data: Data, params: Train) -> npt.NDArray[np.float64]:
    """How much each sentence counts for each class, of shape (n, 3).

    A mean rating near 0 says little about the class: of a sentence at +0.1 other raters may think ill, of one at +3
    they will not. A sentence that is not neutral counts for positive as much as a normal distribution around its
    valence, of deviation `train.rating_noise`, lies above 0, and for negative with the rest. The deviation is tuned; it
    is about three times the standard error of a mean of 20 ratings. Neutral ones, few, count
    `train.neutral_weight` times.
    """
    positive = ndtr(data.valence / params.rating_noise)
    wanted = np.stack([1 - positive, np.zeros_like(positive), positive], axis=1)
    wanted[data.labels == NEUTRAL] = [0, params.neutral_weight, 0]
    return wanted


def fit_epochs(trainer: Callable[[Data], Step], params: Train, train: Data, validation: Data) -> Fitted:
    """Train with early stopping, then, with `train.refit`, once more on both splits for as many epochs.

    Args:
        trainer: gives a fresh `Step` on some data.
        params: `model` names the kind, whose group has `epochs` and `patience`; `refit` asks for the second training.
        train: what is trained on.
        validation: what stops it; trained on by the second training alone.
    """
    limits = getattr(params, params.model)
    step = trainer(train)
    model, best, curve = early_stopping(limits.epochs, limits.patience, step, validation, params.model)
    held_out = model.probabilities(validation.features)
    sentences = len(train.labels) * len(curve) // 2
    if params.refit:
        whole = train.joined(validation)
        sentences += len(whole.labels) * best
        step = trainer(whole)
        for epoch in range(best):
            model, _ = step(epoch)
    return Fitted(model, curve, held_out, sentences, best)


def early_stopping(epochs: int, patience: int, step: Step, validation: Data, name: str) -> tuple[Model, int, Curve]:
    """Train epoch by epoch until the validation loss has not improved for `patience` epochs.

    Args:
        epochs: how many at most.
        patience: how many without an improvement end it.
        step: trains one more epoch.
        validation: never trained on.
        name: stands before the progress bar, which shows on a terminal alone.

    Returns:
        The best model, its epoch from 1, and the learning curve.
    """
    curve: Curve = []
    best: tuple[float, Model, int] | None = None
    with tqdm(total=epochs, desc=name, unit="epoch", disable=None, leave=False) as progress:
        for epoch in range(epochs):
            model, train_loss = step(epoch)
            probabilities = model.probabilities(validation.features)
            loss = log_loss(validation.labels, probabilities)
            if not math.isfinite(loss):
                raise diverged(name, epoch)
            f1 = scores(validation.labels, validation.valence, probabilities, bins=2)["weighted_f1"]
            curve.append(point(epoch, "training", train_loss, f1))
            curve.append(point(epoch, "validation", loss, f1))
            progress.update()
            progress.set_postfix(loss=f"{loss:.4f}", weighted_f1=f"{f1:.4f}")
            if best is None or loss < best[0]:
                best = (loss, model, epoch + 1)
            elif epoch + 1 - best[2] >= patience:
                break
    assert best is not None, "params allow no fewer than one epoch"
    return best[1], best[2], curve


def diverged(name: str, epoch: int) -> VerdictError:
    """The error of a training whose numbers grew beyond all bounds."""
    what = f"train.{name}: the training diverged in epoch {epoch + 1} (its loss is not a number)"
    return VerdictError(
        "params.yaml", what, "a lower learning_rate (bag, encoder), or an alpha nearer the committed one (linear)"
    )


def point(epoch: int, on: str, loss: float, f1: float) -> dict[str, Any]:
    """One row of the learning curve; `epoch` counts from 0, its rows from 1."""
    return {"epoch": epoch + 1, "on": on, "loss": round(loss, 6), "validation_weighted_f1": f1}
