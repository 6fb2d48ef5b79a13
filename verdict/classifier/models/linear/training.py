"""Trains the linear model with scikit-learn, epoch by epoch."""

from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import SGDClassifier

from verdict.classifier.models.linear import Linear
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import Codes, Floats, log_loss
from verdict.classifier.training.loop import Fitted, Step, TrainingData, class_weights, diverged, fit_epochs, targets

# A row makes no step for a class that has less than this share of its weight.
_LEAST_SHARE = 0.01
# Shards on which the loss of data on disk is measured; reading all again would take as long as the training.
_SHARDS = 3
# Rows that are copied at a time.
_ROWS = 50_000
# Texts added to the count of each n-gram, in a class and in the rest: counts of rare n-grams say little. Chosen on the
# example, of 1, 2, 3 and 10 (docs/results.md).
_SMOOTHING = 3.0
# The scale of a feature that is 1 in each row, which serves as the intercept: scikit-learn resets its own intercept in
# each epoch with two classes, and leaves it out of the average with more. The steps are as long as scikit-learn's.
_CONSTANT = 0.1


def fit(params: Train, headline: str, train: TrainingData, validation: TrainingData, _: Path | None = None) -> Fitted:
    """Averaged stochastic gradient descent with early stopping, then, with `refit`, once more on both splits."""
    return fit_epochs(lambda data: _trainer(data, params), params, headline, train, validation)


def _trainer(data: TrainingData, params: Train) -> Step:
    """A function that trains one more epoch."""
    by_class, order = class_weights(data, params), np.random.default_rng(params.seed)
    counted = (
        _weighted_rows(data.select(rows), params, by_class)[0] for rows in _row_batches(np.arange(len(data.actual)))
    )
    average = sum(map(len, counted))  # from the second epoch on: the first is far from where it ends
    scales = _scales(data, params, by_class)
    # With two classes the second is enough: its negative is the first.
    descents = {place: _descent(params, average) for place in range(len(scales))[-1 if len(scales) == 2 else 0 :]}

    def step(epoch: int) -> tuple[Linear, float]:
        for part in data.parts(order):
            rows, classes, weights = _weighted_rows(part, params, by_class)
            for chosen in _row_batches(order.permutation(len(rows))):
                features = _with_constant(part.features[rows[chosen]])
                for place, descent in descents.items():
                    scaled, is_class = _scaled(features, scales[place]), classes[chosen] == place
                    try:
                        descent.partial_fit(scaled, is_class, [False, True], weights[chosen])
                    except ValueError:  # scikit-learn's word for an overflow
                        raise diverged("linear", epoch) from None
        coefficients = _row_per_class([descent.coef_[0] * scales[place] for place, descent in descents.items()])
        model = Linear(_float32(coefficients[:, :-1].T), _float32(coefficients[:, -1]))
        return model, _loss(model, data)

    return step


def _descent(params: Train, average: int) -> SGDClassifier:
    return SGDClassifier(
        loss="log_loss",
        alpha=params.linear.alpha,
        average=average,
        fit_intercept=False,
        shuffle=False,
        random_state=params.seed,
    )


def _scales(data: TrainingData, params: Train, by_class: Floats) -> npt.NDArray[np.float32]:
    """Return the scales of the features and of the constant for each class; the larger, the less they are penalised.

    The log-count ratio of a feature compares how often it occurs in the texts of a class and in those of the rest
    (Wang & Manning 2012, NB-SVM). Its square, with a mean of 1 over all occurrences, makes up the share
    `log_count_ratio` of a scale's square; the rest is the same for all features.
    """
    shape, share = (len(data.labels), data.features.shape[1]), params.linear.log_count_ratio
    squared = _squared_log_count_ratios(data, params, by_class) if share else np.ones(shape)
    return _float32(np.pad(np.sqrt(1 - share + share * squared), ((0, 0), (0, 1)), constant_values=_CONSTANT))


def _squared_log_count_ratios(data: TrainingData, params: Train, by_class: Floats) -> Floats:
    """The squares of the log-count ratios, (K, size), to a mean of 1."""
    size = data.features.shape[1]
    counts, squares = np.full((len(data.labels), size), _SMOOTHING), np.zeros(size)
    for part in data.parts():
        for rows in _row_batches(np.arange(len(part.actual))):
            features = part.features[rows]
            counts += targets(part.select(rows), params, by_class).T @ features.astype(bool)
            squares += np.asarray(features.power(2).sum(axis=0)).ravel()
    rest = counts.sum(axis=0) - counts - (len(counts) - 2) * _SMOOTHING
    # Not zero where no feature is informative: then all are alike.
    ratios: Floats = (_log_shares(counts) - _log_shares(rest)) ** 2 + 1e-12
    ratios *= (squares.sum() / (ratios @ squares))[:, None]
    return ratios


def _log_shares(counts: Floats) -> Floats:
    """The logarithms of each count's share of its row."""
    shares: Floats = np.log(counts / counts.sum(axis=1, keepdims=True))
    return shares


def _row_batches(rows: Codes) -> list[Codes]:
    return [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]


def _with_constant(features: sp.csr_matrix) -> sp.csr_matrix:
    ones = sp.csr_matrix(np.ones((features.shape[0], 1), dtype=np.float32))
    return sp.hstack([features, ones], format="csr")


def _scaled(features: sp.csr_matrix, scale: npt.NDArray[np.float32]) -> sp.csr_matrix:
    data = features.data * scale[features.indices]
    return sp.csr_matrix((data, features.indices, features.indptr), shape=features.shape)


def _weighted_rows(data: TrainingData, params: Train, by_class: Floats) -> tuple[Codes, Codes, Floats]:
    """Return rows, classes and weights; scikit-learn takes one class a row, so a row is repeated for each of its."""
    class_targets = targets(data, params, by_class)
    rows, classes = np.nonzero(class_targets > _LEAST_SHARE * class_targets.sum(axis=1, keepdims=True))
    return rows, classes, class_targets[rows, classes]


def _loss(model: Linear, data: TrainingData) -> float:
    """The mean loss on the data; on disk, on the first shards alone, which hold rows from everywhere."""
    losses = [
        (log_loss(part.actual, model.probabilities(part.features)), len(part.actual))
        for part in islice(data.parts(), _SHARDS)
    ]
    return sum(loss * rows for loss, rows in losses) / sum(rows for _, rows in losses)


def _row_per_class(values: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Stack one row a class; with two classes the first is the negative of the second, which alone is passed."""
    return np.array([-values[0], *values] if len(values) == 1 else values)


def _float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    # Always a copy: scikit-learn goes on with its array, and the best epoch may be an earlier one.
    return np.array(values, dtype=np.float32, order="C")
