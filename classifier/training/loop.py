"""What the training of every kind shares: targets, early stopping, the learning curve, the progress bar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import ndtr
from tqdm import tqdm

from classifier.corpus import LABELS
from classifier.metrics import log_loss, scores
from classifier.models import Model
from classifier.params import Train

Curve = list[dict[str, Any]]
# A function that trains one more epoch (numbered from 0): the model so far, and its training loss.
Step = Callable[[int], tuple[Model, float]]


@dataclass(frozen=True)
class Data:
    """n sentences: `features` (n, size), `labels` (n,), `valence` (n,) in [-4, 4]."""

    features: sp.csr_matrix
    labels: npt.NDArray[np.str_]
    valence: npt.NDArray[np.float64]

    def joined(self, other: "Data") -> "Data":
        """These sentences, then the other's."""
        return Data(
            sp.vstack([self.features, other.features], format="csr"),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.valence, other.valence]),
        )


def targets(data: Data, params: Train, neutral_band: float) -> npt.NDArray[np.float64]:
    """Class probabilities to learn, of shape (n, 3).

    A mean of 20 ratings is itself uncertain: 0.06 may be neutral, 3.0 is not. A sentence counts for a class as much as
    a normal distribution around its valence, of deviation `rating_noise`, falls into that class. Of this the targets
    take the share `soft_share`, and the rest of the label itself.
    """
    hard: npt.NDArray[np.float64] = (data.labels[:, None] == np.asarray(LABELS)[None, :]).astype(np.float64)
    if params.soft_share == 0:
        return hard
    negative = ndtr((-neutral_band - data.valence) / params.rating_noise)
    positive = ndtr((data.valence - neutral_band) / params.rating_noise)
    soft = np.stack([negative, (1 - negative - positive).clip(0), positive], axis=1)
    mixed: npt.NDArray[np.float64] = params.soft_share * soft + (1 - params.soft_share) * hard
    return mixed


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
            f1 = scores(validation.labels, validation.valence, probabilities, bins=2)["weighted_f1"]
            curve.append(_point(epoch, "training", train_loss, f1))
            curve.append(_point(epoch, "validation", loss, f1))
            progress.update()
            progress.set_postfix(loss=f"{loss:.4f}", weighted_f1=f"{f1:.4f}")
            if best is None or loss < best[0]:
                best = (loss, model, epoch + 1)
            elif epoch + 1 - best[2] >= patience:
                break
    assert best is not None, "params allow no fewer than one epoch"
    return best[1], best[2], curve


def _point(epoch: int, on: str, loss: float, f1: float) -> dict[str, Any]:
    return {"epoch": epoch + 1, "on": on, "loss": round(loss, 6), "validation_weighted_f1": f1}
