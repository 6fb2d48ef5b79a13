"""The data of evaluate's plots: confusion, calibration, precision and recall, mistakes.

A plot shows only the commonest classes and slices, so that it stays readable.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from verdict.base.files import Row
from verdict.classifier.scores.metrics import DIGITS, Codes, Floats, ScoredRows, bin_of, confusion

OTHER = "(other)"
_POINTS = 100
_CLASSES, _CURVES, _SLICES = 12, 6, 5
Slice = tuple[str, npt.NDArray[np.bool_]]


def confusions(rows: ScoredRows, slices: Iterable[Slice]) -> Iterator[Row]:
    """For `overall` and the largest slices, true class and predicted class: the count, and its share of the true class.

    Of more than twelve classes the twelve with most rows; the rest is one.

    Args:
        rows: the predictions.
        slices: which rows belong to each, `overall` first.
    """
    kept = shown_classes(rows)
    names = [*(rows.labels[place] for place in kept), *([OTHER] if len(kept) < len(rows.labels) else [])]
    overall, *parts = slices
    largest = sorted(parts, key=lambda part: -int(part[1].sum()))[:_SLICES]
    for name, inside in (overall, *(part for part in parts if any(part is one for one in largest))):
        table = _merged(confusion(rows[inside]), kept).tolist()
        for actual, counts in zip(names, table, strict=True):
            for guess, count in zip(names, counts, strict=True):
                share = round(count / sum(counts), DIGITS) if any(counts) else 0.0
                yield {"slice": name, "actual": actual, "predicted": guess, "count": count, "share": share}


def shown_classes(rows: ScoredRows) -> list[int]:
    """The places of the classes that a confusion can show, in their order: those with most rows.

    They do not depend on the predictions, so that the confusions of base and candidate have the same classes.
    """
    counts = np.bincount(rows.actual, minlength=len(rows.labels))
    return sorted(np.argsort(-counts, kind="stable")[:_CLASSES].tolist())


def _merged(table: npt.NDArray[np.int64], kept: Sequence[int]) -> npt.NDArray[np.int64]:
    """Rows and columns of some classes, and of all others together, where there are any."""
    rest = np.setdiff1d(np.arange(len(table)), kept)
    for axis in (0, 1):
        whole = table.take(rest, axis=axis).sum(axis=axis, keepdims=True)
        table = np.concatenate([table.take(kept, axis=axis), *([whole] if rest.size else [])], axis=axis)
    return table


def calibration(rows: ScoredRows, bins: int) -> Iterator[Row]:
    """For each non-empty bin of equal width: mean confidence, share of correct predictions, and their number."""
    confidence, correct = rows.confidence, rows.predicted == rows.actual
    bin_ = bin_of(confidence, bins)
    for inside in (bin_ == number for number in np.unique(bin_)):
        yield {
            "confidence": round(float(confidence[inside].mean()), DIGITS),
            "accuracy": round(float(correct[inside].mean()), DIGITS),
            "n": int(inside.sum()),
        }


def precision_recall(rows: ScoredRows) -> Iterator[Row]:
    """Points of the precision-recall curve of each of the six commonest classes, thinned to even steps of recall."""
    steps = np.linspace(0, 1, _POINTS + 1)
    counts = np.bincount(rows.actual, minlength=len(rows.labels))
    for place in sorted(np.argsort(-counts, kind="stable")[:_CURVES].tolist()):
        precision, recall = curve(rows.actual == place, rows.probabilities[:, place])
        for point in np.unique(np.searchsorted(recall, steps).clip(max=len(recall) - 1)):
            yield {
                "class": rows.labels[place],
                "recall": round(float(recall[point]), DIGITS),
                "precision": round(float(precision[point]), DIGITS),
            }


def curve(truth: npt.NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    """Precision and recall of "true from this value on", for each distinct value from the highest down, after 1 and 0.

    Where nothing is true, all is recalled.
    """
    order = np.argsort(-values, kind="stable")
    last: Codes = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of those with the same value
    hits = np.cumsum(truth[order])[last]
    recall = hits / hits[-1] if hits[-1] else np.ones(len(hits))
    return np.append(1.0, hits / (last + 1)), np.append(0.0, recall)


def mistakes(rows: ScoredRows, ids: Sequence[str], slices: Sequence[str] | None, most: int) -> Iterator[Row]:
    """The wrong predictions with the highest confidence, by id: no text is shown, so that none enters git."""
    predicted, confidence = rows.predicted.tolist(), rows.confidence
    wrong = np.flatnonzero(rows.predicted != rows.actual).tolist()
    for row in sorted(wrong, key=lambda row: (-confidence[row], ids[row]))[:most]:
        yield {
            "id": ids[row],
            "mistake": f"{rows.labels[rows.actual[row]]}, taken for {rows.labels[predicted[row]]}",
            "confidence": round(float(confidence[row]), DIGITS),
            **({} if slices is None else {"slice": slices[row]}),
            **({} if rows.rating is None else {"rating": round(float(rows.rating[row]), DIGITS)}),
        }
