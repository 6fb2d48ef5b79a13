"""The accuracy of each release by the labels that came back, with its interval, beside the gate's promise."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.base.intervals import wilson
from verdict.base.paths import EVALUATION, PARAMS
from verdict.monitoring.feedback.store import Count
from verdict.web.receipts import today

# Only the answers of the last days count, so that old ones hide nothing new.
WINDOW_DAYS = 30
MIN_LABELS = 100


class ReleaseAccuracy(NamedTuple):
    """The accuracy of a release by labels that came back, with its interval, and the last day of such an answer."""

    release: str
    labelled: int
    right: int
    accuracy: float
    low: float
    high: float
    last: int


class Promise(NamedTuple):
    """The accuracy that the gate saw on the test set, and the least that it would have let through."""

    accuracy: float
    floor: float


def first_day(days: int = WINDOW_DAYS) -> int:
    """The first of the last so many days, as `Store.counts` takes it."""
    return today() - days + 1


def accuracy_by_release(counts: Iterable[Count]) -> list[ReleaseAccuracy]:
    """The accuracy of each release, the newest last."""
    totals: dict[str, tuple[int, int, int]] = {}
    for release, predicted, actual, count, day in counts:
        labelled, right, last = totals.get(release, (0, 0, 0))
        totals[release] = labelled + count, right + count * (predicted == actual), max(last, day)
    accuracies = [
        ReleaseAccuracy(release, labelled, right, *wilson(right, labelled), last)
        for release, (labelled, right, last) in totals.items()
    ]
    return sorted(accuracies, key=lambda row: (row.last, [int(part) for part in re.findall(r"\d{1,9}", row.release)]))


def read_promise(reference: Path | None) -> Promise | None:
    """Read the promise of this checkout from its params and a reference or metrics; None if there are no scores.

    Raises:
        VerdictError: a file holds no scores.
    """
    path = reference or Path(EVALUATION)
    if reference is None and not path.is_file():
        return None
    document = read_json(path, "verdict repro")
    params = read(Path(PARAMS), f"git diff {PARAMS}") if Path(PARAMS).is_file() else {}
    try:
        scores = document["scores"]["overall"] if reference else document["overall"]
        headline, floors = params.get("evaluate", {}).get("headline", ""), params.get("gate", {}).get("floors") or {}
        return promise(scores, headline, floors.get("overall"))
    except (KeyError, TypeError, AttributeError):
        raise VerdictError(str(path), "holds no accuracy of all test texts", "verdict repro") from None


def promise(scores: Mapping[str, float], headline: str, floor: float | Mapping[str, float] | None) -> Promise:
    """Turn the scores on the test set into a promise for accuracy.

    Args:
        scores: by metric, overall.
        headline: the metric that the gate judges by.
        floor: of the gate, overall: a number for the headline metric, or numbers by metric; None for none.
    """
    by_metric = floor if isinstance(floor, Mapping) else {} if floor is None else {headline: floor}
    floors = {headline if name == "headline" else name: value for name, value in by_metric.items()}
    # The gate lets the headline metric fall by this much.
    slack = scores[headline] - floors[headline] if headline in floors and headline in scores else 0.0
    return Promise(scores["accuracy"], floors.get("accuracy", scores["accuracy"] - max(0.0, slack)))


def verdict(accuracy: ReleaseAccuracy, promise: Promise | None) -> str:
    """Say in a few words whether a release keeps the promise."""
    if accuracy.labelled < MIN_LABELS:
        return "too few labels"
    if promise is None:
        return "nothing promised"
    return "below the floor" if accuracy.high < promise.floor else "holds"


def table(releases: Sequence[Mapping[str, Any]], promise: Promise | None) -> str:
    """A line for each release with its verdict, and the promise."""
    lines = [f"{'release':14} {'labels':>7} {'right':>7} {'accuracy':>9}  {'95 % interval':17} "]
    for row in releases:
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        figures = f"{row['labelled']:7} {row['right']:7} {row['accuracy']:9.1%}  {interval:17}"
        lines.append(f"{row['release']:14} {figures} {row['verdict']}")
    if promise is not None:
        lines.append(f"The gate saw {promise.accuracy:.1%} on the test set, and would take {promise.floor:.1%}.")
    lines.append("Who answers is not a sample of all who ask: what two releases differ by says more than either.")
    return "\n".join(lines)
