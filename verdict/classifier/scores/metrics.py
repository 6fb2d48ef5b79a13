"""The metrics, defined once: each is a function of sums over sentences.

The stages sum over all sentences, the bootstrap of the review over the documents that it draws: what a change is judged
by is what the files say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from verdict.classifier.dataset.splits import LABELS

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
# Digits kept in metrics files: beyond them, machines of other kinds may disagree.
DIGITS = 6
CLASSES = len(LABELS)
_CELLS = CLASSES**2
_CODES = {label: code for code, label in enumerate(LABELS)}


def scores(labels: Labels, valence: Floats, probabilities: Floats, bins: int) -> dict[str, float]:
    """All scores of one set of sentences, as a metrics file has them.

    Args:
        labels: the true classes, shape (n,).
        valence: the raters' mean valence, shape (n,), in [-4, 4].
        probabilities: shape (n, 3), columns in the order of `LABELS`, each row summing to 1.
        bins: of the expected calibration error.

    Returns:
        Those of `of_sums`, rounded, and n.
    """
    found = of_sums(row_sums(labels, valence, probabilities, bins).sum(axis=0), bins)
    return rounded({**found, "n": len(labels)})


def rounded(figures: Mapping[str, Any]) -> dict[str, float]:
    """Figures with the digits that a metrics file keeps; n stays whole."""
    return {name: value if isinstance(value, int) else round(float(value), DIGITS) for name, value in figures.items()}


def row_sums(labels: Labels, valence: Floats, probabilities: Floats, bins: int) -> Floats:
    """What each sentence adds to the sums, (n, 15 + bins): confusion, log loss, moments, gaps of the calibration."""
    rows, actual, predicted = np.arange(len(labels)), codes(labels), probabilities.argmax(axis=1)
    cells = np.zeros((len(labels), _CELLS))
    cells[rows, actual * CLASSES + predicted] = 1
    x, y = _standard(valence), _standard(probabilities[:, 2] - probabilities[:, 0])
    moments = np.stack([x, y, x**2, y**2, x * y], axis=1)
    confidence = probabilities.max(axis=1)
    gaps = np.zeros((len(labels), bins))
    gaps[rows, bin_of(confidence, bins)] = confidence - (predicted == actual)
    return np.hstack([cells, _losses(actual, probabilities)[:, None], moments, gaps])


def of_sums(sums: Floats, bins: int) -> dict[str, Floats]:
    """Each metric from sums of shape (…, 15 + bins); 0 where it is undefined.

    Returns:
        weighted_f1 (by support, as in Hutto & Gilbert 2014), macro_f1 (over all three classes), accuracy, mcc, log_loss
        (nats), ece (expected calibration error of the predicted class, Guo et al. 2017: mean gap of confidence and
        accuracy), valence_r (Pearson correlation of P(positive) - P(negative) with the valence).
    """
    table = confusion_of(sums)
    n = table.sum(axis=(-2, -1))
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    actual, predicted = table.sum(axis=-1), table.sum(axis=-2)
    f1 = _ratio(2 * hits, actual + predicted)
    hit = hits.sum(axis=-1)
    spread = (n**2 - (predicted**2).sum(axis=-1)) * (n**2 - (actual**2).sum(axis=-1))
    return {
        "weighted_f1": (actual * f1).sum(axis=-1) / n,
        "macro_f1": f1.mean(axis=-1),
        "accuracy": hit / n,
        "mcc": _ratio(hit * n - (actual * predicted).sum(axis=-1), np.sqrt(np.clip(spread, 0, None))),
        "log_loss": sums[..., _CELLS] / n,
        "ece": np.abs(sums[..., -bins:]).sum(axis=-1) / n,
        "valence_r": _correlation(n, sums[..., _CELLS + 1 : -bins]),
    }


def confusion_of(sums: Floats) -> Floats:
    """The counts by true and predicted class, (…, 3, 3), that sums of shape (…, 15 + bins) begin with."""
    return sums[..., :_CELLS].reshape(*sums.shape[:-1], CLASSES, CLASSES)


def log_loss(labels: Labels, probabilities: Floats) -> float:
    """Mean negative log-likelihood of the true classes, in nats; probabilities are clipped at 1e-15."""
    return float(_losses(codes(labels), probabilities).mean())


def codes(labels: Labels) -> npt.NDArray[np.intp]:
    """The place of each label in `LABELS`; `KeyError` for one that is not there."""
    return np.array([_CODES[label] for label in labels.tolist()], dtype=np.intp)


def bin_of(confidence: Floats, bins: int) -> npt.NDArray[np.intp]:
    """The number of the bin of equal width, from 0, for each confidence in [0, 1]."""
    return np.minimum((confidence * bins).astype(np.intp), bins - 1)


def _losses(actual: npt.NDArray[np.intp], probabilities: Floats) -> Floats:
    return -np.log(np.clip(probabilities[np.arange(len(actual)), actual], 1e-15, None))


def _standard(values: Floats) -> Floats:
    """Mean 0 and deviation 1, which a correlation does not see, and its sums of squares keep their digits by."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _correlation(n: Floats, moments: Floats) -> Floats:
    x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    spreads = [np.clip(squares / n - (total / n) ** 2, 0, None) for squares, total in ((xx, x), (yy, y))]
    # Below this share of the whole table's variance: a constant's rounding.
    varies = (spreads[0] > 1e-13) & (spreads[1] > 1e-13)
    return _ratio(xy / n - x * y / n**2, np.where(varies, np.sqrt(spreads[0] * spreads[1]), 0))


def _ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`, 0 where `below` is 0."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below != 0)
