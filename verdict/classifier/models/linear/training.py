"""Trains the linear model with scikit-learn, epoch by epoch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import SGDClassifier

from verdict.classifier.models.linear import Linear
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import log_loss
from verdict.classifier.training.loop import Data, Fitted, Step, diverged, fit_epochs, targets

# A class that a row belongs to by less than this share of it is not worth a step.
_LEAST_SHARE = 0.01


def fit(params: Train, headline: str, train: Data, validation: Data, _: Path | None = None) -> Fitted:
    """Averaged stochastic gradient descent with early stopping, then, with `refit`, once more on both splits."""
    return fit_epochs(lambda data: _trainer(data, params), params, headline, train, validation)


def _trainer(data: Data, params: Train) -> Step:
    """A function that trains one more epoch."""
    wanted = targets(data, params)
    # scikit-learn takes one class a row: a row stands once for each class that it partly belongs to.
    rows, classes = np.nonzero(wanted > _LEAST_SHARE * wanted.sum(axis=1, keepdims=True))
    weights = wanted[rows, classes]
    features = data.features[rows]
    order = np.random.default_rng(params.seed)
    descent = SGDClassifier(
        loss="log_loss",
        alpha=params.linear.alpha,
        average=len(rows),  # from the second epoch on: the first is far from where it ends
        shuffle=False,
        random_state=params.seed,
    )

    def step(epoch: int) -> tuple[Linear, float]:
        shuffled = order.permutation(len(rows))
        try:
            descent.partial_fit(
                features[shuffled],
                classes[shuffled],
                classes=np.arange(len(data.labels)),
                sample_weight=weights[shuffled],
            )
        except ValueError:  # scikit-learn's word for an overflow
            raise diverged("linear", epoch) from None
        model = Linear(_float32(_mirrored(descent.coef_).T), _float32(_mirrored(descent.intercept_)))
        return model, log_loss(data.actual, model.probabilities(data.features))

    return step


def _mirrored(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A row a class: of two scikit-learn has the second's alone, and what speaks for it speaks against the first."""
    return np.concatenate([-values, values]) if len(values) == 1 else values


def _float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    # A copy, always: scikit-learn goes on with what it gave, and the best epoch may lie behind.
    return np.array(values, dtype=np.float32, order="C")
