"""Classes from a rating: far below the middle of its limits the first, far above it the last."""

from collections.abc import Sequence

from verdict.classifier.params.data import Rating


def label_of(rating: float, middle: float, band: float, labels: Sequence[str]) -> str:
    """Return the class of a rating: the first below the middle, the last above; of three the second within ± `band`."""
    if rating - middle > band:
        return labels[-1]
    return labels[0] if rating - middle < -band or len(labels) == 2 else labels[1]


def typical(rating: Rating, labels: Sequence[str]) -> dict[str, float]:
    """Return the middle of each class's ratings, used for a row that has its class's name in place of a number."""
    (low, high), middle, band = rating.limits, sum(rating.limits) / 2, rating.neutral_band
    middles = [(low + middle - band) / 2, middle, (middle + band + high) / 2]
    return dict(zip(labels, middles if len(labels) == 3 else middles[::2], strict=True))
