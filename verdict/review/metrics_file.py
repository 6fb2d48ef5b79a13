"""Untrusted metrics files such as metrics/validation.json: scores, and the spread of seeds."""

import json
import statistics
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from verdict.base.errors import VerdictError
from verdict.classifier.params.metric_names import OVERALL

_LOOK = "look at the file, or dvc repro -f train"


@dataclass(frozen=True)
class Scores:
    """The headline metric overall and by slice, on `n` rows."""

    overall: float
    slices: dict[str, float]
    n: int


@dataclass(frozen=True)
class Seeds:
    """The headline metric of several seeds: their number, mean and standard deviation."""

    count: int
    mean: float
    std: float

    @classmethod
    def of(cls, values: Collection[float]) -> Self:
        """Sum up the metric of each seed."""
        return cls(len(values), statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)

    def text(self, metric: str) -> str:
        """Mean and spread in words; `metric` is the name of the headline metric for people."""
        if self.count == 1:
            return f"1 seed, {metric} {self.mean:.4f} on validation"
        return f"{self.count} seeds, {metric} {self.mean:.4f} ± {self.std:.4f} on validation"


def parse_metrics(text: str, path: str) -> dict[str, Any]:
    """Parse a JSON object of finite numbers; `VerdictError` when it is something else."""
    try:
        document = json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise VerdictError(path, f"not readable as JSON: {error}", _LOOK) from None
    if not isinstance(document, dict):
        raise VerdictError(path, f"expected an object, not {document!r:.80}", _LOOK)
    return document


def scores_of(document: dict[str, Any], path: str, headline: str) -> Scores:
    """The headline metric overall and by slice, from a metrics file."""
    overall, slices = _group(document, OVERALL, path), _group(document, "slices", path) if "slices" in document else {}
    by_slice = {name: _figure(_group(slices, name, path), headline, f"{path}: {name}") for name in slices}
    n = overall.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise VerdictError(path, f"overall: n is {n!r}, not a count", _LOOK)
    return Scores(_figure(overall, headline, f"{path}: overall"), by_slice, n)


def seeds_of(document: dict[str, Any], path: str) -> Seeds:
    """Mean and spread, computed again from the value of each seed."""
    values = _group(_group(document, "seeds", path), "values", path)
    if not values:
        raise VerdictError(path, "seeds: no value", _LOOK)
    return Seeds.of([_figure(values, seed, f"{path}: seeds") for seed in values])


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite number")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate keys: some readers take the first, others the last."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return document


def _group(document: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    group = document.get(key)
    if not isinstance(group, dict):
        raise VerdictError(path, f"{key!r:.80} is {'missing' if group is None else 'not an object'}", _LOOK)
    return group


def _figure(document: dict[str, Any], key: str, where: str) -> float:
    """Read a metric of which more is better: all of them are from −1 to 1."""
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise VerdictError(f"{where:.200}", f"{key!r:.80} is {value!r:.80}, not a number from -1 to 1", _LOOK)
    return float(value)
