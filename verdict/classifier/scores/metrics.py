"""The only definition of the metrics: functions of sums over rows, and for two classes those of a ranking.

The stages sum over all rows, the bootstrap of the review over the groups that it draws, so that both report the same
metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from verdict.classifier.params.metric_names import BY_CLASS

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
# Digits kept in metrics files: beyond them, machines of other kinds may disagree.
DIGITS = 6


@dataclass(frozen=True)
class ScoredRows:
    """n rows with their truth and a model's predictions.

    Args:
        labels: the K classes, in the order of the probabilities.
        actual: the place of each row's class among them, (n,).
        probabilities: (n, K), each row summing to 1.
        rating: (n,), where labels come from one.
    """

    labels: tuple[str, ...]
    actual: Codes
    probabilities: Floats
    rating: Floats | None = None

    def __len__(self) -> int:
        return len(self.actual)

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> "ScoredRows":
        rating = None if self.rating is None else self.rating[rows]
        return ScoredRows(self.labels, self.actual[rows], self.probabilities[rows], rating)

    @property
    def predicted(self) -> Codes:
        """The most probable class; of equal ones the first."""
        found: Codes = self.probabilities.argmax(axis=1)
        return found

    @property
    def confidence(self) -> Floats:
        """The probability of the predicted class."""
        found: Floats = self.probabilities.max(axis=1)
        return found


@dataclass(frozen=True)
class Sums:
    """The columns of the sums: for K classes hits, true and predicted counts, then loss, gaps, moments."""

    labels: tuple[str, ...]
    bins: int
    rated: bool

    @property
    def width(self) -> int:
        """The number of columns."""
        return 3 * len(self.labels) + 1 + self.bins + (5 if self.rated else 0)

    def of_rows(self, rows: ScoredRows) -> tuple[Codes, Floats]:
        """Return the columns that each row adds to and the values that it adds, (n, 5), or (n, 10) with a rating."""
        classes, predicted, confidence = len(self.labels), rows.predicted, rows.confidence
        right = predicted == rows.actual
        counted = [rows.actual, classes + rows.actual, 2 * classes + predicted]
        columns = [*counted, np.full(len(rows), 3 * classes), 3 * classes + 1 + bin_of(confidence, self.bins)]
        ones = np.ones(len(rows))
        values = [right, ones, ones, _losses(rows.actual, rows.probabilities), confidence - right]
        if self.rated:
            columns += [np.full(len(rows), self.width - 5 + place) for place in range(5)]
            values += list(_moments(rows))
        return np.stack(columns, axis=1), np.stack(values, axis=1).astype(np.float64)

    def of_all(self, rows: ScoredRows) -> Floats:
        """The sums over all rows, (columns,)."""
        columns, values = self.of_rows(rows)
        return np.bincount(columns.ravel(), values.ravel(), minlength=self.width).astype(np.float64)

    def metrics(self, sums: Floats) -> dict[str, Floats]:
        """Each metric from sums of shape (…, columns); 0 where it is undefined.

        Returns:
            weighted_f1 (by support), macro_f1 (over all classes), accuracy, mcc, log_loss (nats), ece (expected
            calibration error of the predicted class, Guo et al. 2017: mean gap of confidence and accuracy), and with a
            rating rating_r (Pearson correlation of it with P(last class) - P(first class)).
        """
        hits, actual, predicted = self._counts(sums)
        n, f1 = actual.sum(axis=-1), _ratio(2 * hits, actual + predicted)
        hit = hits.sum(axis=-1)
        spread = (n**2 - (predicted**2).sum(axis=-1)) * (n**2 - (actual**2).sum(axis=-1))
        loss = 3 * len(self.labels)
        gaps = sums[..., loss + 1 : loss + 1 + self.bins]
        metrics = {
            "weighted_f1": (actual * f1).sum(axis=-1) / n,
            "macro_f1": f1.mean(axis=-1),
            "accuracy": hit / n,
            "mcc": _ratio(hit * n - (actual * predicted).sum(axis=-1), np.sqrt(np.clip(spread, 0, None))),
            "log_loss": sums[..., loss] / n,
            "ece": np.abs(gaps).sum(axis=-1) / n,
        }
        return {**metrics, "rating_r": _correlation(n, sums[..., -5:])} if self.rated else metrics

    def of_class(self, sums: Floats, label: str) -> dict[str, Floats]:
        """Precision, recall, F1 and support of one class; 0 where it is undefined."""
        place = self.labels.index(label)
        hits, actual, predicted = (part[..., place] for part in self._counts(sums))
        ratios = (_ratio(hits, predicted), _ratio(hits, actual), _ratio(2 * hits, actual + predicted))
        return {**dict(zip(BY_CLASS, ratios, strict=True)), "support": actual}

    def _counts(self, sums: Floats) -> list[Floats]:
        classes = len(self.labels)
        return [sums[..., place * classes : (place + 1) * classes] for place in range(3)]


@dataclass(frozen=True)
class Ranking:
    """Rows of two classes from the surest of the positive one down; `last` of those with equal probabilities."""

    order: Codes
    last: Codes
    positive: npt.NDArray[np.bool_]

    @classmethod
    def from_rows(cls, rows: ScoredRows) -> "Ranking":
        """The ranking by the probability of the second class, which is the positive one."""
        values = rows.probabilities[:, 1]
        order = np.argsort(-values, kind="stable")
        return cls(order, np.flatnonzero(np.diff(values[order], append=-np.inf)), rows.actual[order] == 1)

    def metrics(self, counts: Floats) -> dict[str, Floats]:
        """The area under the ROC curve, and average precision; 0 where one of the classes has no row.

        Args:
            counts: how often each row counts, (…, n).
        """
        ranked = counts[..., self.order]
        hits = np.cumsum(ranked * self.positive, axis=-1)[..., self.last]
        ranked_counts = np.cumsum(ranked, axis=-1)[..., self.last]
        gained, missed = (np.diff(part, axis=-1, prepend=0.0) for part in (hits, ranked_counts - hits))
        positive, negative = hits[..., -1], (ranked_counts - hits)[..., -1]
        area = (missed * (hits - gained / 2)).sum(axis=-1)
        precise = (gained * _ratio(hits, ranked_counts)).sum(axis=-1)
        known = (positive > 0) & (negative > 0)
        return {
            "roc_auc": _ratio(area, positive * negative),
            "average_precision": np.where(known, _ratio(precise, positive), 0.0),
        }


def compute_metrics(rows: ScoredRows, bins: int) -> dict[str, float]:
    """Each metric of a set of rows with all digits, of each class those named `recall:LABEL`, and n."""
    layout = Sums(rows.labels, bins, rows.rating is not None)
    sums = layout.of_all(rows)
    metrics = layout.metrics(sums)
    if len(rows.labels) == 2:
        rated = {"rating_r": metrics.pop("rating_r")} if layout.rated else {}  # it comes last
        metrics |= Ranking.from_rows(rows).metrics(np.ones(len(rows))) | rated
    for label in rows.labels:
        metrics |= {f"{name}:{label}": value for name, value in layout.of_class(sums, label).items()}
    return {**{name: float(value) for name, value in metrics.items()}, "n": len(rows)}


def rounded(values: Mapping[str, Any]) -> dict[str, float]:
    """Figures with the digits that a metrics file keeps; whole numbers stay whole."""
    return {name: value if isinstance(value, int) else round(float(value), DIGITS) for name, value in values.items()}


def confusion(rows: ScoredRows) -> npt.NDArray[np.int64]:
    """The number of rows by true and predicted class, (K, K)."""
    classes = len(rows.labels)
    return np.bincount(rows.actual * classes + rows.predicted, minlength=classes**2).reshape(classes, classes)


def log_loss(actual: Codes, probabilities: Floats) -> float:
    """Mean negative log-likelihood of the true classes, in nats; probabilities are clipped at 1e-15."""
    return float(_losses(actual, probabilities).mean())


def bin_of(confidence: Floats, bins: int) -> Codes:
    """The number of the bin of equal width, from 0, for each confidence in [0, 1]."""
    return np.minimum((confidence * bins).astype(np.intp), bins - 1)


def _losses(actual: Codes, probabilities: Floats) -> Floats:
    return -np.log(np.clip(probabilities[np.arange(len(actual)), actual], 1e-15, None))


def _moments(rows: ScoredRows) -> tuple[Floats, ...]:
    rating = np.zeros(len(rows)) if rows.rating is None else rows.rating
    x, y = _standard(rating), _standard(rows.probabilities[:, -1] - rows.probabilities[:, 0])
    return x, y, x**2, y**2, x * y


def _standard(values: Floats) -> Floats:
    """Scale to mean 0 and deviation 1: a correlation stays the same, and its sums of squares lose no digits."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _correlation(n: Floats, moments: Floats) -> Floats:
    x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    spreads = [np.clip(squares / n - (total / n) ** 2, 0, None) for squares, total in ((xx, x), (yy, y))]
    # A smaller share of the whole table's variance is rounding error of a constant.
    varies = (spreads[0] > 1e-13) & (spreads[1] > 1e-13)
    return _ratio(xy / n - x * y / n**2, np.where(varies, np.sqrt(spreads[0] * spreads[1]), 0))


def _ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`, 0 where `below` is 0."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below != 0)
