"""The training loop of all kinds: targets, early stopping, the learning curve, the progress bar."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtr
from tqdm import tqdm

from verdict.base.errors import VerdictError
from verdict.classifier.features.shards import Shards
from verdict.classifier.features.tokens import Tokens
from verdict.classifier.params import Train
from verdict.classifier.params.kinds import Features, Model
from verdict.classifier.scores.metrics import DIGITS, Codes, Floats, ScoredRows, compute_metrics, log_loss

Curve = list[dict[str, Any]]
# A function that trains one more epoch (numbered from 0): the model so far, and its training loss.
Step = Callable[[int], tuple[Model, float]]


class Fitted(NamedTuple):
    """The result of a training.

    Args:
        model: for the artifact; with `train.refit` it was trained on the validation split, too.
        curve: of the training that the validation split stopped.
        validation: probabilities of the validation split by that training's best model, which has not seen it; (n, K).
        rows: how many were trained on, each counted once for every epoch.
        epochs: the best epoch, from 1.
        seconds: spent on training, including runs that were killed and resumed.
        states: files to remove (`verdict.classifier.training.checkpoints.delete`) once the results are written.
    """

    model: Model
    curve: Curve
    validation: Floats
    rows: int
    epochs: int
    seconds: float = 0.0
    states: tuple[Path, ...] = ()


@dataclass(frozen=True)
class TrainingData:
    """n rows to train on, of K classes.

    Args:
        features: (n, size), or n times token ids, or n rows on disk.
        labels: the classes in their order.
        actual: the place of each row's class among them, (n,).
        rating: how far each row's rating is from the middle of its limits, (n,); `reach` is the most that can be.
        weight: how much each row counts, (n,).
    """

    features: Features
    labels: tuple[str, ...]
    actual: Codes
    rating: Floats | None = None
    reach: float = 1.0
    weight: Floats | None = None

    def select(self, rows: "Codes | slice", features: Features = None) -> "TrainingData":
        """Some of the rows, with these features."""
        return replace(
            self,
            features=features,
            actual=self.actual[rows],
            rating=None if self.rating is None else self.rating[rows],
            weight=None if self.weight is None else self.weight[rows],
        )

    def parts(self, draw: np.random.Generator | None = None) -> "Iterator[TrainingData]":
        """All rows in parts with features in memory; of rows on disk in an order of chance, where one is drawn."""
        if not isinstance(self.features, Shards):
            yield self
            return
        for rows, features in self.features.parts(draw):
            yield self.select(rows, features)

    def concatenate(self, other: "TrainingData") -> "TrainingData":
        """These rows, then the other's."""
        return replace(
            self,
            features=concatenate_features(self.features, other.features),
            actual=np.concatenate([self.actual, other.actual]),
            rating=_concatenate(self.rating, other.rating),
            weight=_concatenate(self.weight, other.weight),
        )

    def score(self, metric: str, probabilities: Floats) -> float:
        """A metric of what a model says of these rows, as a metrics file has it."""
        return round(
            compute_metrics(ScoredRows(self.labels, self.actual, probabilities, self.rating), bins=2)[metric], DIGITS
        )


def _concatenate(first: Floats | None, second: Floats | None) -> Floats | None:
    return None if first is None or second is None else np.concatenate([first, second])


def concatenate_features(first: Features, second: Features) -> Features:
    """The rows of both, one after the other; they are of one representation."""
    if (isinstance(first, Tokens) and isinstance(second, Tokens)) or isinstance(first, Shards):
        return first.concatenate(second)
    return sp.vstack([first, second], format="csr")


def predicted_probabilities(model: Model, data: TrainingData) -> Floats:
    """The probabilities that a model gives the rows, (n, K)."""
    if not isinstance(data.features, Shards):
        return model.probabilities(data.features)
    probabilities = np.empty((len(data.actual), len(data.labels)))
    for rows, features in data.features.parts():
        probabilities[rows] = model.probabilities(features)
    return probabilities


def targets(data: TrainingData, params: Train, by_class: Floats | None = None) -> Floats:
    """Return the weight of each row for each class, of shape (n, K).

    A rating near the middle says little about the class: another reader may rate the text on the other side. With
    `train.rating_noise` a row outside the neutral band counts for the last class by the share of a normal distribution
    around its rating, of that deviation, above the middle, and for the first class by the rest. The weights are
    multiplied by those of the class and of the row.

    Args:
        data: n rows.
        params: of the training.
        by_class: the weights of the classes (`class_weights`) in the whole data, where `data` is a part of it.
    """
    shares = np.zeros((len(data.actual), len(data.labels)))
    shares[np.arange(len(data.actual)), data.actual] = 1
    if data.rating is not None and params.rating_noise:
        above = ndtr(data.rating / params.rating_noise)
        outside = np.isin(data.actual, (0, len(data.labels) - 1))
        shares[outside, 0], shares[outside, -1] = (1 - above)[outside], above[outside]
    shares *= class_weights(data, params) if by_class is None else by_class
    return shares if data.weight is None else shares * data.weight[:, None]


def class_weights(data: TrainingData, params: Train) -> Floats:
    """Return the weight of each class, (K,): as params say, or balanced."""
    chosen = params.class_weight
    if chosen == "balanced":
        counts = np.bincount(data.actual, data.weight, minlength=len(data.labels))
        balanced: Floats = counts.sum() / (len(counts) * np.maximum(counts, 1e-12))
        return balanced
    named = chosen or {}
    if unknown := sorted(set(named) - set(data.labels)):
        what = f"train.class_weight: no such class: {', '.join(unknown)}; there is {', '.join(data.labels)}"
        raise VerdictError("params.yaml", what, "correct the names")
    return np.array([named.get(label, 1.0) for label in data.labels])


def fit_epochs(
    trainer: Callable[[TrainingData], Step], params: Train, headline: str, train: TrainingData, validation: TrainingData
) -> Fitted:
    """Train with early stopping, then, with `train.refit`, once more on both splits for as many epochs.

    Args:
        trainer: gives a fresh `Step` on some data.
        params: `model` names the kind, whose group has `epochs` and `patience`; `refit` asks for the second training.
        headline: the metric that the curve shows beside the loss.
        train: what is trained on.
        validation: what stops it; trained on by the second training alone.
    """
    limits = getattr(params, params.model)
    step = trainer(train)
    model, best, curve = early_stopping(limits.epochs, limits.patience, step, validation, (params.model, headline))
    held_out = predicted_probabilities(model, validation)
    rows = len(train.actual) * len(curve) // 2
    if params.refit:
        whole = train.concatenate(validation)
        rows += len(whole.actual) * best
        step = trainer(whole)
        for epoch in range(best):
            model, _ = step(epoch)
    return Fitted(model, curve, held_out, rows, best)


def early_stopping(
    epochs: int, patience: int, step: Step, validation: TrainingData, names: tuple[str, str]
) -> tuple[Model, int, Curve]:
    """Train epoch by epoch until the validation loss has not improved for `patience` epochs.

    Args:
        epochs: how many at most.
        patience: how many without an improvement end it.
        step: trains one more epoch.
        validation: never trained on.
        names: of the kind, shown before the progress bar (on a terminal), and of the headline metric.

    Returns:
        The best model, its epoch from 1, and the learning curve.
    """
    name, headline = names
    curve: Curve = []
    best: tuple[float, Model, int] | None = None
    with tqdm(total=epochs, desc=name, unit="epoch", disable=None, leave=False) as progress:
        for epoch in range(epochs):
            model, train_loss = step(epoch)
            probabilities = predicted_probabilities(model, validation)
            loss = log_loss(validation.actual, probabilities)
            if not math.isfinite(loss):
                raise diverged(name, epoch)
            score = validation.score(headline, probabilities)
            curve.append(curve_point(epoch, "training", train_loss, score))
            curve.append(curve_point(epoch, "validation", loss, score))
            progress.update()
            progress.set_postfix({"loss": f"{loss:.4f}", headline: f"{score:.4f}"})
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


def curve_point(epoch: int, on: str, loss: float, score: float) -> dict[str, Any]:
    """One row of the learning curve; `epoch` counts from 0, its rows from 1."""
    return {"epoch": epoch + 1, "on": on, "loss": round(loss, 6), "validation_headline": score}
