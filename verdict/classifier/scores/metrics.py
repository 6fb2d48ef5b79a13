"""The scores of a set of predictions, and the tables that the plots are drawn from."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, precision_recall_curve

from verdict.base.files import Row
from verdict.classifier.dataset.splits import LABELS

Probabilities = npt.NDArray[np.float64]
# Digits kept in metrics files: beyond them, machines of other kinds may disagree.
DIGITS = 6
_PLOTTED_POINTS = 100
# Of the calibration error on the validation split, which no param of the stage train names.
BINS = 15


def scores(
    labels: npt.NDArray[np.str_], valence: npt.NDArray[np.float64], probabilities: Probabilities, bins: int
) -> dict[str, float]:
    """All scores of one set of sentences.

    Args:
        labels: the true classes, shape (n,).
        valence: the raters' mean valence, shape (n,), in [-4, 4].
        probabilities: shape (n, 3), columns in the order of `LABELS`, each row summing to 1.
        bins: of the expected calibration error.

    Returns:
        weighted_f1 (by support, as in Hutto & Gilbert 2014), macro_f1 (over all three classes), accuracy, mcc,
        log_loss (nats), ece, valence_r (Pearson correlation of P(positive) - P(negative) with the valence; 0 where
        either is constant), and n.
    """
    predicted = np.asarray(LABELS)[probabilities.argmax(axis=1)]
    f1 = {
        kind: f1_score(labels, predicted, labels=LABELS, average=kind, zero_division=0.0)
        for kind in ("weighted", "macro")
    }
    figures = {
        "weighted_f1": f1["weighted"],
        "macro_f1": f1["macro"],
        "accuracy": accuracy_score(labels, predicted),
        # Where all is one class it is 0 by convention, which scikit-learn says with a warning.
        "mcc": matthews_corrcoef(labels, predicted) if len({*labels, *predicted}) > 1 else 0.0,
        "log_loss": log_loss(labels, probabilities),
        "ece": calibration_error(labels, probabilities, bins),
        "valence_r": _correlation(probabilities[:, 2] - probabilities[:, 0], valence),
    }
    return {**{name: round(float(value), DIGITS) for name, value in figures.items()}, "n": len(labels)}


def log_loss(labels: npt.NDArray[np.str_], probabilities: Probabilities) -> float:
    """Mean negative log-likelihood of the true classes, in nats; probabilities are clipped at 1e-15."""
    truth = probabilities[np.arange(len(labels)), [LABELS.index(label) for label in labels]]
    return float(-np.log(np.clip(truth, 1e-15, None)).mean())


def _correlation(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
    return float(np.corrcoef(left, right)[0, 1]) if left.std() > 0 and right.std() > 0 else 0.0


def calibration(labels: npt.NDArray[np.str_], probabilities: Probabilities, bins: int) -> Iterator[dict[str, float]]:
    """For each non-empty bin of equal width: mean confidence, share of correct predictions, and their number."""
    confidence = probabilities.max(axis=1)
    correct = np.asarray(LABELS)[probabilities.argmax(axis=1)] == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    for number in range(bins):
        inside = place == number
        if inside.any():
            yield {
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(correct[inside].mean()),
                "n": int(inside.sum()),
            }


def calibration_error(labels: npt.NDArray[np.str_], probabilities: Probabilities, bins: int) -> float:
    """Expected calibration error of the predicted class (Guo et al. 2017): mean gap of confidence and accuracy."""
    gaps = [b["n"] * abs(b["confidence"] - b["accuracy"]) for b in calibration(labels, probabilities, bins)]
    return sum(gaps) / len(labels)


def confusion(predictions: pd.DataFrame) -> Iterator[Row]:
    """For each domain (and `overall`), true class and predicted class: the count, and its share of the true class."""
    predicted = pd.Series(np.asarray(LABELS)[predictions[list(LABELS)].to_numpy().argmax(axis=1)])
    labels, domains = predictions["label"].reset_index(drop=True), predictions["domain"].reset_index(drop=True)
    for domain in ("overall", *dict.fromkeys(domains)):
        inside = (domains == domain) | (domain == "overall")
        for actual in LABELS:
            row = predicted[inside & (labels == actual)]
            for guess in LABELS:
                count = int((row == guess).sum())
                share = round(count / len(row), DIGITS) if len(row) else 0.0
                yield {"domain": domain, "actual": actual, "predicted": guess, "count": count, "share": share}


def precision_recall(labels: npt.NDArray[np.str_], probabilities: Probabilities) -> Iterator[Row]:
    """Points of each class's precision-recall curve, thinned to even steps of recall."""
    for column, label in enumerate(LABELS):
        precision, recall, _ = precision_recall_curve(labels == label, probabilities[:, column])
        precision, recall = precision[::-1], recall[::-1]
        steps = np.linspace(0, 1, _PLOTTED_POINTS + 1)
        chosen = np.unique(np.searchsorted(recall, steps).clip(max=len(recall) - 1))
        for place in chosen:
            yield {
                "class": label,
                "recall": round(float(recall[place]), DIGITS),
                "precision": round(float(precision[place]), DIGITS),
            }


def mistakes(predictions: pd.DataFrame, most: int) -> Iterator[Row]:
    """The wrong predictions with the highest confidence, by id: no sentence is shown, so that none enters git."""
    values = predictions[list(LABELS)].to_numpy()
    table = predictions.assign(predicted=np.asarray(LABELS)[values.argmax(axis=1)], confidence=values.max(axis=1))
    wrong = table[table["predicted"] != table["label"]].sort_values(["confidence", "id"], ascending=[False, True])
    for row in wrong.head(most).to_dict("records"):
        yield {
            "id": row["id"],
            "domain": row["domain"],
            "mistake": f"{row['label']}, taken for {row['predicted']}",
            "confidence": round(row["confidence"], DIGITS),
            "valence": round(row["valence"], DIGITS),
        }
