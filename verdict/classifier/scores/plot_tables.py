"""The rows that the plots of evaluate are drawn from: confusion, calibration, precision and recall, mistakes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from verdict.base.files import Row
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores.metric_names import OVERALL
from verdict.classifier.scores.metrics import DIGITS, Floats, Labels, bin_of, confusion_of
from verdict.classifier.scores.predictions import arrays

if TYPE_CHECKING:
    from verdict.classifier.scores.predictions import Table

_PLOTTED_POINTS = 100


def confusion(sums: Floats, domains: npt.NDArray[np.str_]) -> Iterator[Row]:
    """For each domain (and `overall`), true class and predicted class: the count, and its share of the true class.

    Args:
        sums: `metrics.row_sums` of the predictions.
        domains: the domain of each.
    """
    for domain in (OVERALL, *dict.fromkeys(domains.tolist())):
        table = confusion_of(sums[(domains == domain) | (domain == OVERALL)].sum(axis=0)).astype(int).tolist()
        for actual, row in zip(LABELS, table, strict=True):
            for guess, count in zip(LABELS, row, strict=True):
                share = round(count / sum(row), DIGITS) if any(row) else 0.0
                yield {"domain": domain, "actual": actual, "predicted": guess, "count": count, "share": share}


def calibration(labels: Labels, probabilities: Floats, bins: int) -> Iterator[Row]:
    """For each non-empty bin of equal width: mean confidence, share of correct predictions, and their number."""
    confidence, correct = probabilities.max(axis=1), _predicted(probabilities) == labels
    bin_ = bin_of(confidence, bins)
    for inside in (bin_ == number for number in np.unique(bin_)):
        yield {
            "confidence": round(float(confidence[inside].mean()), DIGITS),
            "accuracy": round(float(correct[inside].mean()), DIGITS),
            "n": int(inside.sum()),
        }


def precision_recall(labels: Labels, probabilities: Floats) -> Iterator[Row]:
    """Points of each class's precision-recall curve, thinned to even steps of recall."""
    steps = np.linspace(0, 1, _PLOTTED_POINTS + 1)
    for label, column in zip(LABELS, probabilities.T, strict=True):
        precision, recall = curve(labels == label, column)
        for place in np.unique(np.searchsorted(recall, steps).clip(max=len(recall) - 1)):
            yield {
                "class": label,
                "recall": round(float(recall[place]), DIGITS),
                "precision": round(float(precision[place]), DIGITS),
            }


def curve(truth: npt.NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    """Precision and recall of "true from this value on", for each distinct value from the highest down, after 1 and 0.

    Where nothing is true, all is recalled.
    """
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of those with the same value
    hits = np.cumsum(truth[order])[last]
    recall = hits / hits[-1] if hits[-1] else np.ones(len(hits))
    return np.append(1.0, hits / (last + 1)), np.append(0.0, recall)


def mistakes(predictions: "Table", most: int) -> Iterator[Row]:
    """The wrong predictions with the highest confidence, by id: no sentence is shown, so that none enters git."""
    ids, domains = (np.asarray(predictions[name]).tolist() for name in ("id", "domain"))
    labels, valence, probabilities = arrays(predictions)
    predicted, confidence = _predicted(probabilities), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels).tolist()
    for row in sorted(wrong, key=lambda row: (-confidence[row], ids[row]))[:most]:
        yield {
            "id": ids[row],
            "domain": domains[row],
            "mistake": f"{labels[row]}, taken for {predicted[row]}",
            "confidence": round(float(confidence[row]), DIGITS),
            "valence": round(float(valence[row]), DIGITS),
        }


def _predicted(probabilities: Floats) -> Labels:
    predicted: Labels = np.asarray(LABELS)[probabilities.argmax(axis=1)]
    return predicted
