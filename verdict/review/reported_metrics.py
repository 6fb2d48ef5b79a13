"""The figures that DVC shows (`dvc metrics diff --all`), checked against the predictions that they sum up.

Labels and slices may hold any letters, dots among them. DVC joins keys by dots, and so are those of what was computed:
no two figures have the same joined key, since the last part of each is the name of a metric.
"""

import math
from collections.abc import Collection, Iterator
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.flatten import leaves
from verdict.base.paths import EVALUATION
from verdict.base.printable import plain
from verdict.classifier.params.metric_names import OVERALL, metrics_of
from verdict.repo.revisions import Revision, Store

# The file keeps six digits (verdict.classifier.scores.metrics.DIGITS); the rest is for sums taken in another order.
TOLERANCE = 5e-6
UNKNOWN = "nobody computes it"
Reported = dict[str, float]


def reported(store: Store, base: Revision, candidate: Revision) -> tuple[Reported, Reported]:
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
    return dict(_side(entries, "old", base)), dict(_side(entries, "new", candidate))


def _side(entries: dict[str, dict[str, Any]], side: str, revision: Revision) -> Iterator[tuple[str, float]]:
    for key, entry in sorted(entries.items()):  # DVC's order changes from run to run
        value = entry.get(side)
        if value is None:  # the other side alone has it; what must be there is asked of the predictions
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(
                where, f"{plain(key, 100)} is {value!r:.80}, not a finite number", "dvc repro -f evaluate"
            )
        yield key, float(value)


def not_yet_reported(main: Reported, labels: tuple[str, ...], headline: str) -> frozenset[str]:
    """Metrics that main's file lacks: the review learns to compute a new one before a stage can write it."""
    return frozenset(name for name in metrics_of(len(labels), True) if f"{OVERALL}.{name}" not in main) - {headline}


def mismatches(
    figures: Reported, expected: dict[str, Any], revision: Revision, optional: Collection[str] = ()
) -> list[str]:
    """The figures that are not the computed ones, one line each; `VerdictError` when one is missing.

    Args:
        figures: what DVC shows.
        expected: the document that the predictions make.
        revision: whose figures they are.
        optional: the metrics that may be missing.
    """
    known = {".".join(path): (path, value) for path, value in leaves(expected)}
    found = [f"{plain(key, 100)}: {UNKNOWN}" for key in figures if key not in known]
    for key, (path, value) in known.items():
        if key not in figures and path[-1] not in optional:
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(
                where, f"has no {path[-1]} of {plain('.'.join(path[:-1]), 100)}", "dvc repro -f evaluate"
            )
        own = figures.get(key, value)
        if abs(own - value) > TOLERANCE:
            found.append(f"{plain(key, 100)}: {own:g}, by the predictions {value:.6g}")
    return found


def bins_of(revision: Revision) -> int:
    """How many bins the revision's calibration error has."""
    bins = (revision.params.get("evaluate") or {}).get("calibration_bins")
    if type(bins) is not int or not 2 <= bins <= 100:
        what = "evaluate.calibration_bins is no number from 2 to 100"
        raise VerdictError(f"params.yaml of {revision.name}", what, "git diff params.yaml")
    return bins


def unknown_entries(told: Any, expected: Any) -> list[str]:  # noqa: ANN401 - JSON
    """What stands in a document and nobody computes: keys and lists at any depth, one line each."""
    known = dict(leaves(expected))
    return [f"{_named(path)}: {UNKNOWN}" for path, _ in leaves(told) if path not in known]


def document_mismatches(told: Any, expected: Any, optional: Collection[str] = ()) -> list[str]:  # noqa: ANN401 - JSON
    """How a document differs from one that was computed, one line each; what is `optional` may be missing."""
    known, found = dict(leaves(expected)), dict(leaves(told))
    lines = [f"{_named(path)}: missing" for path in known if path not in found and path[-1] not in optional]
    for path, value in known.items():
        own = found.get(path, value)
        if isinstance(own, bool) or not isinstance(own, int | float) or not abs(own - value) <= TOLERANCE:
            lines.append(f"{_named(path)}: {own!r:.40}, by the predictions {value:.6g}")
    return lines + unknown_entries(told, expected)


def _named(path: tuple[str, ...]) -> str:
    return plain(".".join(path), 100) or "the whole"
