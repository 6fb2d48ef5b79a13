"""The figures that DVC shows (`dvc metrics diff --all`), checked against the predictions that they sum up."""

import math
from collections.abc import Collection
from typing import Any

import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.flatten import leaves
from verdict.base.paths import EVALUATION
from verdict.classifier.scores.metric_names import HEADLINE, METRICS, OVERALL
from verdict.classifier.scores.predictions import by_group
from verdict.repo.revisions import Revision, Store

# The file keeps six digits (verdict.classifier.scores.metrics.DIGITS); the rest is for sums taken in another order.
TOLERANCE = 5e-6
UNKNOWN = "nobody computes it"
Figures = dict[str, dict[str, float]]


def shown(store: Store, base: Revision, candidate: Revision) -> tuple[Figures, Figures]:
    """What `dvc metrics diff --all --json` says of metrics/evaluation.json: main's figures and the candidate's.

    Raises:
        VerdictError: DVC reports an error, or a figure is not a finite number.
    """
    labels = [revision.commit or "workspace" for revision in (base, candidate)]
    result: dict[str, Any] = store.repo.metrics.diff(a_rev=labels[0], b_rev=labels[1], all=True)
    for label, problem in (result.get("errors") or {}).items():
        where = f"metrics of {candidate.name if label == labels[1] else base.name}"
        raise VerdictError(where, f"DVC cannot read them: {problem}", "dvc repro")
    entries = result.get("diff", {}).get(EVALUATION) or {}
    return _side(entries, "old", base), _side(entries, "new", candidate)


def _side(entries: dict[str, dict[str, Any]], side: str, revision: Revision) -> Figures:
    figures: Figures = {}
    for key, entry in sorted(entries.items()):  # DVC's order changes from run to run
        value = entry.get(side)
        if value is None:  # the other side alone has it; what must be there is asked of the predictions
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(where, f"{key} is {value!r}, not a finite number", "dvc repro -f evaluate")
        group, _, metric = key.rpartition(".")
        if group == f"domains.{OVERALL}":
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(where, f"a domain cannot be called {OVERALL}", "dvc repro -f evaluate")
        figures.setdefault(group.removeprefix("domains."), {})[metric] = float(value)
    return figures


def not_yet_told(main: Figures) -> frozenset[str]:
    """Metrics that main's file lacks: the review learns to compute a new one before a stage can write it."""
    return frozenset(METRICS) - {HEADLINE, *main.get(OVERALL, {})}


def differing(
    figures: Figures, predictions: pd.DataFrame, bins: int, revision: Revision, optional: Collection[str] = ()
) -> list[str]:
    """The figures that are not those of the predictions, one line each; `VerdictError` when one is missing.

    What is `optional` may be missing.
    """
    truth = by_group(predictions, bins)
    found = [f"{group}: no prediction of it" for group in figures if group not in truth]
    for group, expected in truth.items():
        for metric in (*METRICS, "n"):
            if metric in optional and metric not in figures.get(group, {}):
                continue
            if metric not in figures.get(group, {}):
                where = f"{EVALUATION} of {revision.name}"
                raise VerdictError(where, f"has no {metric} of {group}", "dvc repro -f evaluate")
            if abs(figures[group][metric] - expected[metric]) > TOLERANCE:
                found.append(f"{group} {metric}: {figures[group][metric]:g}, by the predictions {expected[metric]:.6g}")
    return found


def bins_of(revision: Revision) -> int:
    """How many bins the revision's calibration error has."""
    bins = (revision.params.get("evaluate") or {}).get("calibration_bins")
    if not isinstance(bins, int) or not 2 <= bins <= 100:
        what = "evaluate.calibration_bins is no number from 2 to 100"
        raise VerdictError(f"params.yaml of {revision.name}", what, "git diff params.yaml")
    return bins


def strange(told: Any, expected: Any) -> list[str]:  # noqa: ANN401 - JSON
    """What stands in a document and nobody computes: keys and lists at any depth, one line each."""
    known = dict(leaves(expected))
    return [f"{_named(path)}: {UNKNOWN}" for path, _ in leaves(told) if path not in known]


def unlike(told: Any, expected: Any, optional: Collection[str] = ()) -> list[str]:  # noqa: ANN401 - JSON
    """How a document differs from one that was computed, one line each; what is `optional` may be missing."""
    known, found = dict(leaves(expected)), dict(leaves(told))
    lines = [f"{_named(path)}: missing" for path in known if path not in found and path[-1] not in optional]
    for path, value in known.items():
        own = found.get(path, value)
        if isinstance(own, bool) or not isinstance(own, int | float) or not abs(own - value) <= TOLERANCE:
            lines.append(f"{_named(path)}: {own!r:.40}, by the predictions {value:.6g}")
    return lines + strange(told, expected)


def as_document(figures: Figures) -> dict[str, Any]:
    """Figures in the shape of their file."""
    return {OVERALL: figures[OVERALL], "domains": {name: own for name, own in figures.items() if name != OVERALL}}


def _named(path: tuple[str, ...]) -> str:
    return f"{'.'.join(path):.100}" or "the whole"
