"""metrics/validation.json and files like it, as a stranger may have written them: scores, and how far seeds spread."""

import json
import statistics
from dataclasses import dataclass
from typing import Any

from verdict.base.errors import VerdictError
from verdict.classifier.scores.metric_names import HEADLINE, OVERALL

SCORES = "metrics/validation.json"
_LOOK = "look at the file, or dvc repro -f train"


@dataclass(frozen=True)
class Scores:
    """Weighted F1 overall and by domain, of `n` sentences."""

    overall: float
    domains: dict[str, float]
    n: int


@dataclass(frozen=True)
class Seeds:
    """Weighted F1 of several seeds: how many, their mean, and how far they spread."""

    count: int
    mean: float
    std: float

    @property
    def text(self) -> str:
        """In words."""
        if self.count == 1:
            return f"1 seed, weighted F1 {self.mean:.4f} on validation"
        return f"{self.count} seeds, weighted F1 {self.mean:.4f} ± {self.std:.4f} on validation"


def parsed(text: str, path: str) -> dict[str, Any]:
    """A JSON object of finite numbers; `VerdictError` when it is something else."""
    try:
        document = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise VerdictError(path, f"not readable as JSON: {error}", _LOOK) from None
    if not isinstance(document, dict):
        raise VerdictError(path, f"expected an object, not {document!r:.80}", _LOOK)
    return document


def scores_of(told: dict[str, Any], path: str) -> Scores:
    """Overall and by domain, from a metrics file."""
    overall, domains = _group(told, OVERALL, path), _group(told, "domains", path)
    by_domain = {name: _share(_group(domains, name, path), HEADLINE, f"{path}: {name}") for name in domains}
    n = overall.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise VerdictError(path, f"overall: n is {n!r}, not a count", _LOOK)
    return Scores(_share(overall, HEADLINE, f"{path}: overall"), by_domain, n)


def seeds_of(told: dict[str, Any], path: str) -> Seeds:
    """Mean and spread, computed again from the value of each seed."""
    values = _group(_group(told, "seeds", path), "values", path)
    found = [_share(values, seed, f"{path}: seeds") for seed in values]
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


def _share(told: dict[str, Any], key: str, where: str) -> float:
    value = told.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise VerdictError(f"{where:.200}", f"{key!r:.80} is {value!r:.80}, not a number from 0 to 1", _LOOK)
    return float(value)
