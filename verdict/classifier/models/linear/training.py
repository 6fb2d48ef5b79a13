"""Trains the linear model with scikit-learn, epoch by epoch."""

from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import SGDClassifier

from verdict.classifier.models.linear import Linear
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import Codes, Floats, log_loss
from verdict.classifier.training.loop import Data, Fitted, Step, class_weights, diverged, fit_epochs, targets

# A class that a row belongs to by less than this share of it is not worth a step.
_LEAST_SHARE = 0.01
# Of data on disk the loss is measured on so many shards: all of them once more would take as long as the training.
_SHARDS = 3
_ROWS = 100_000


def fit(params: Train, headline: str, train: Data, validation: Data, _: Path | None = None) -> Fitted:
    """Averaged stochastic gradient descent with early stopping, then, with `refit`, once more on both splits."""
    return fit_epochs(lambda data: _trainer(data, params), params, headline, train, validation)


def _trainer(data: Data, params: Train) -> Step:
    """A function that trains one more epoch."""
    by_class, order = class_weights(data, params), np.random.default_rng(params.seed)
    starts = range(0, len(data.actual), _ROWS)
    counted = (_wanted(data.at(slice(start, start + _ROWS)), params, by_class)[0] for start in starts)
    descent = SGDClassifier(
        loss="log_loss",
        alpha=params.linear.alpha,
        average=sum(map(len, counted)),  # from the second epoch on: the first is far from where it ends
        shuffle=False,
        random_state=params.seed,
    )

    def step(epoch: int) -> tuple[Linear, float]:
        for part in data.parts(order):
            rows, classes, weights = _wanted(part, params, by_class)
            shuffled = order.permutation(len(rows))
            try:
                descent.partial_fit(
                    part.features[rows[shuffled]],
                    classes[shuffled],
                    classes=np.arange(len(data.labels)),
                    sample_weight=weights[shuffled],
                )
            except ValueError:  # scikit-learn's word for an overflow
                raise diverged("linear", epoch) from None
        model = Linear(_float32(_mirrored(descent.coef_).T), _float32(_mirrored(descent.intercept_)))
        return model, _loss(model, data)

    return step


def _wanted(data: Data, params: Train, by_class: Floats) -> tuple[Codes, Codes, Floats]:
    """Rows, classes and weights: scikit-learn takes one class a row, so a row stands once for each of its."""
    wanted = targets(data, params, by_class)
    rows, classes = np.nonzero(wanted > _LEAST_SHARE * wanted.sum(axis=1, keepdims=True))
    return rows, classes, wanted[rows, classes]


def _loss(model: Linear, data: Data) -> float:
    """The mean loss on the data; on disk, on the first shards alone, which hold rows from everywhere."""
    losses = [
        (log_loss(part.actual, model.probabilities(part.features)), len(part.actual))
        for part in islice(data.parts(), _SHARDS)
    ]
    return sum(loss * rows for loss, rows in losses) / sum(rows for _, rows in losses)


def _mirrored(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A row a class: of two scikit-learn has the second's alone, and what speaks for it speaks against the first."""
    return np.concatenate([-values, values]) if len(values) == 1 else values


def _float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    # A copy, always: scikit-learn goes on with what it gave, and the best epoch may lie behind.
    return np.array(values, dtype=np.float32, order="C")
