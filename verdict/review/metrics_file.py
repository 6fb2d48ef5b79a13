"""metrics/validation.json and files like it, as a stranger may have written them: scores, and how far seeds spread."""

import json
import statistics
from dataclasses import dataclass
from typing import Any

from verdict.base.errors import VerdictError
from verdict.classifier.params.metric_names import OVERALL

SCORES = "metrics/validation.json"
_LOOK = "look at the file, or dvc repro -f train"


@dataclass(frozen=True)
class Scores:
    """The headline metric overall and by slice, of `n` rows."""

    overall: float
    slices: dict[str, float]
    n: int


@dataclass(frozen=True)
class Seeds:
    """The headline metric of several seeds: how many, their mean, and how far they spread."""

    count: int
    mean: float
    std: float

    def text(self, metric: str) -> str:
        """In words; `metric` is the name of the headline metric for people."""
        if self.count == 1:
            return f"1 seed, {metric} {self.mean:.4f} on validation"
        return f"{self.count} seeds, {metric} {self.mean:.4f} ± {self.std:.4f} on validation"


def parse_metrics(text: str, path: str) -> dict[str, Any]:
    """A JSON object of finite numbers; `VerdictError` when it is something else."""
    try:
        document = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise VerdictError(path, f"not readable as JSON: {error}", _LOOK) from None
    if not isinstance(document, dict):
        raise VerdictError(path, f"expected an object, not {document!r:.80}", _LOOK)
    return document


def scores_of(told: dict[str, Any], path: str, headline: str) -> Scores:
    """The headline metric overall and by slice, from a metrics file."""
    overall, slices = _group(told, OVERALL, path), _group(told, "slices", path) if "slices" in told else {}
    by_slice = {name: _figure(_group(slices, name, path), headline, f"{path}: {name}") for name in slices}
    n = overall.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise VerdictError(path, f"overall: n is {n!r}, not a count", _LOOK)
    return Scores(_figure(overall, headline, f"{path}: overall"), by_slice, n)


def seeds_of(told: dict[str, Any], path: str) -> Seeds:
    """Mean and spread, computed again from the value of each seed."""
    values = _group(_group(told, "seeds", path), "values", path)
    found = [_figure(values, seed, f"{path}: seeds") for seed in values]
    if not found:
        raise VerdictError(path, "seeds: no value", _LOOK)
    return Seeds(len(found), statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else 0.0)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands twice one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _group(told: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    found = told.get(key)
    if not isinstance(found, dict):
        raise VerdictError(path, f"{key!r:.80} is {'missing' if found is None else 'not an object'}", _LOOK)
    return found


def _figure(told: dict[str, Any], key: str, where: str) -> float:
    """A metric of which more is better: none of them is outside of −1 and 1."""
    value = told.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise VerdictError(f"{where:.200}", f"{key!r:.80} is {value!r:.80}, not a number from -1 to 1", _LOOK)
    return float(value)
