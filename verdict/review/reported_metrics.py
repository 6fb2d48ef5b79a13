"""The figures that DVC reports (`dvc metrics diff --all`), checked against figures computed from the predictions.

Labels and slices may hold any letters, dots included. DVC joins keys by dots, and the computed keys are joined alike:
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
    """Read both sides' metrics/evaluation.json as `dvc metrics diff --all --json` does: the base's, the candidate's.

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
        if value is None:  # only the other side has it; `mismatches` finds what is missing
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(
                where, f"{plain(key, 100)} is {value!r:.80}, not a finite number", "dvc repro -f evaluate"
            )
        yield key, float(value)


def not_yet_reported(base: Reported, labels: tuple[str, ...], headline: str) -> frozenset[str]:
    """Metrics that the base's file lacks: the review can compute a new one before a stage writes it."""
    return frozenset(name for name in metrics_of(len(labels), True) if f"{OVERALL}.{name}" not in base) - {headline}


def mismatches(
    figures: Reported, expected: dict[str, Any], revision: Revision, optional: Collection[str] = ()
) -> list[str]:
    """Figures that differ from the computed ones, one line each; `VerdictError` when one is missing.

    Args:
        figures: as DVC reports them.
        expected: the document computed from the predictions.
        revision: the side that reports the figures.
        optional: the metrics that may be missing.
    """
    computed = {".".join(path): (path, value) for path, value in leaves(expected)}
    lines = [f"{plain(key, 100)}: {UNKNOWN}" for key in figures if key not in computed]
    for key, (path, value) in computed.items():
        if key not in figures and path[-1] not in optional:
            where = f"{EVALUATION} of {revision.name}"
            raise VerdictError(
                where, f"has no {path[-1]} of {plain('.'.join(path[:-1]), 100)}", "dvc repro -f evaluate"
            )
        figure = figures.get(key, value)
        if abs(figure - value) > TOLERANCE:
            lines.append(f"{plain(key, 100)}: {figure:g}, by the predictions {value:.6g}")
    return lines


def bins_of(revision: Revision) -> int:
    """The number of bins of the revision's calibration error."""
    bins = (revision.params.get("evaluate") or {}).get("calibration_bins")
    if type(bins) is not int or not 2 <= bins <= 100:
        what = "evaluate.calibration_bins is no number from 2 to 100"
        raise VerdictError(f"params.yaml of {revision.name}", what, "git diff params.yaml")
    return bins


def unknown_entries(document: Any, expected: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Entries of a document that are not computed: keys and lists at any depth, one line each."""
    computed = dict(leaves(expected))
    return [f"{_key(path)}: {UNKNOWN}" for path, _ in leaves(document) if path not in computed]


def new_metrics(document: Any, expected: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    """Numbers by the name of a metric that this code does not compute, at a place where it computes others.

    Returns:
        The name of the metric by the line that `unknown_entries` has for the entry.
    """
    computed = [path for path, _ in leaves(expected)]
    groups, names = {path[:-1] for path in computed}, {path[-1] for path in computed}
    return {
        f"{_key(path)}: {UNKNOWN}": path[-1]
        for path, value in leaves(document)
        if path[:-1] in groups and path[-1] not in names
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def document_mismatches(document: Any, expected: Any, optional: Collection[str] = ()) -> list[str]:  # noqa: ANN401 - JSON
    """Differences between a document and the computed one, one line each; `optional` metrics may be missing."""
    computed, reported = dict(leaves(expected)), dict(leaves(document))
    lines = [f"{_key(path)}: missing" for path in computed if path not in reported and path[-1] not in optional]
    for path, value in computed.items():
        figure = reported.get(path, value)
        if isinstance(figure, bool) or not isinstance(figure, int | float) or not abs(figure - value) <= TOLERANCE:
            lines.append(f"{_key(path)}: {figure!r:.40}, by the predictions {value:.6g}")
    return lines + unknown_entries(document, expected)


def _key(path: tuple[str, ...]) -> str:
    return plain(".".join(path), 100) or "the whole"
