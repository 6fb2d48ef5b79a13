"""Made-up rows of any number of classes, with what a model may say of them."""

import numpy as np

from verdict.classifier.scores.metrics import Floats, ScoredRows

THREE = ("low", "middle", "high")


def labels_of(classes: int) -> tuple[str, ...]:
    """So many labels; of more than ten not in the order of the alphabet."""
    return tuple(f"class {place}" for place in range(classes))


def made_up(classes: int, rows: int = 600, seed: int = 0, rated: bool = False, steps: int | None = None) -> ScoredRows:
    """Rows of which a model knows something, and their last class least often.

    Args:
        classes: how many there are.
        rows: how many there are.
        seed: of all that is drawn.
        rated: whether each row has a rating.
        steps: into which the probabilities of two classes are rounded, so that many are equal.
    """
    draw = np.random.default_rng(seed)
    shares = np.arange(classes, 0, -1) / np.arange(classes, 0, -1).sum()
    actual = np.concatenate([np.arange(classes), draw.choice(classes, rows - classes, p=shares)])
    raw = draw.dirichlet(np.ones(classes), rows) + 0.3 * np.eye(classes)[actual]
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    if steps is not None:
        first = np.round(probabilities[:, 0] * steps) / steps
        probabilities = np.column_stack([first, 1 - first])
    rating = actual + draw.normal(size=rows) if rated else None
    return ScoredRows(labels_of(classes), actual.astype(np.intp), probabilities, rating)


def repeated(rows: ScoredRows, counts: Floats) -> ScoredRows:
    """Each row as often as it counts."""
    places = np.repeat(np.arange(len(rows)), counts.astype(np.intp))
    rating = None if rows.rating is None else rows.rating[places]
    return ScoredRows(rows.labels, rows.actual[places], rows.probabilities[places], rating)
