"""What came back says of each release: how often it was right, and how sure that is."""

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

# Answers of so many days, so that old ones do not hide what is new; and so many labels say something.
WINDOW, LEAST = 30, 100


class Live(NamedTuple):
    """The accuracy of a release by labels that came back, with its interval, and the last day of such an answer."""

    release: str
    labelled: int
    right: int
    accuracy: float
    low: float
    high: float
    last: int


class Promise(NamedTuple):
    """What the gate saw on the test set, and the least that it would have let through."""

    accuracy: float
    floor: float


def since(days: int = WINDOW) -> int:
    """The first of so many days, as `Store.counts` takes it."""
    return today() - days + 1


def live(counts: Iterable[Count]) -> list[Live]:
    """Each release, the newest last."""
    found: dict[str, tuple[int, int, int]] = {}
    for release, predicted, actual, count, last in counts:
        of, right, latest = found.get(release, (0, 0, 0))
        found[release] = of + count, right + count * (predicted == actual), max(latest, last)
    figures = (Live(name, of, right, *wilson(right, of), last) for name, (of, right, last) in found.items())
    return sorted(figures, key=lambda one: (one.last, [int(part) for part in re.findall(r"\d{1,9}", one.release)]))


def promised(reference: Path | None) -> Promise | None:
    """What the checkout promises, by a reference or its metrics, and its params; None where there are no scores.

    Raises:
        VerdictError: a file says something else.
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
    """What the scores of the test set promise for accuracy.

    Args:
        scores: by metric, overall.
        headline: the metric that the gate judges by.
        floor: of the gate, overall: a number for the headline metric, or numbers by metric; None for none.
    """
    given = floor if isinstance(floor, Mapping) else {} if floor is None else {headline: floor}
    floors = {headline if name == "headline" else name: value for name, value in given.items()}
    # As far below what was seen as the gate would let the headline metric fall.
    slack = scores[headline] - floors[headline] if headline in floors and headline in scores else 0.0
    return Promise(scores["accuracy"], floors.get("accuracy", scores["accuracy"] - max(0.0, slack)))


def verdict(one: Live, promised: Promise | None) -> str:
    """Whether a release keeps its promise, in a few words."""
    if one.labelled < LEAST:
        return "too few labels"
    if promised is None:
        return "nothing promised"
    return "below the floor" if one.high < promised.floor else "holds"


def table(told: Sequence[Mapping[str, Any]], promise: Promise | None) -> str:
    """A line for each release, and what to think of it."""
    lines = [f"{'release':14} {'labels':>7} {'right':>7} {'accuracy':>9}  {'95 % interval':17} "]
    for one in told:
        interval = f"{one['low']:.1%} to {one['high']:.1%}"
        figures = f"{one['labelled']:7} {one['right']:7} {one['accuracy']:9.1%}  {interval:17}"
        lines.append(f"{one['release']:14} {figures} {one['verdict']}")
    if promise is not None:
        lines.append(f"The gate saw {promise.accuracy:.1%} on the test set, and would take {promise.floor:.1%}.")
    lines.append("Who answers is not a sample of all who ask: what two releases differ by says more than either.")
    return "\n".join(lines)
