"""How differences are judged: by which metrics, in which families of intervals, with which resamples.

The claims that the gate acts on are one family: the headline metric overall and in each slice, and what else the
policy names. Their intervals hold together with the stated confidence (Šidák); all others are a second family.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.paths import TEST
from verdict.base.printable import plain
from verdict.classifier.params.metric_names import BINARY, class_metric_names, metrics_of

_MOST_NAMED = 20
# Slices that are compared: each keeps its resamples, 80 kB a metric.
MOST_SLICES = 200


@dataclass(frozen=True)
class ComparisonSettings:
    """How differences are judged: the metric that decides, `bins` of the calibration error, the bootstrap's settings.

    `named` are the pairs of group and metric that the policy fails a change for; `floored` those that it has a floor
    for, which need a figure and claim nothing.
    """

    confidence: float
    resamples: int
    seed: int
    bins: int
    headline: str
    named: frozenset[tuple[str, str]] = frozenset()
    floored: frozenset[tuple[str, str]] = frozenset()

    def family(self, groups: Collection[str]) -> frozenset[tuple[str, str]]:
        """The claims that the gate acts on, or the headline is about, in these groups."""
        return frozenset((group, self.headline) for group in groups) | {
            pair for pair in self.named if pair[0] in groups
        }

    def asked(self, group: str, metrics: Sequence[str]) -> tuple[str, ...]:
        """The metrics to compare in a group: the headline first, all of `metrics`, and what the policy names there."""
        own = {name for place, name in self.named | self.floored if place == group}
        return tuple(dict.fromkeys([self.headline, *metrics, *sorted(own)]))

    def require_metrics(self, labels: Sequence[str], rated: bool) -> None:
        """Refuse a plan for metrics that the data does not have."""
        there_is = (*metrics_of(len(labels), rated), *class_metric_names(labels))
        names = [self.headline, *(name for _, name in sorted(self.named | self.floored))]
        if unknown := [name for name in dict.fromkeys(names) if name not in there_is]:
            what = f"the data has no {', '.join(unknown):.200}; {found_metrics(labels, rated)}"
            raise VerdictError(
                "params.yaml: evaluate.headline, gate", what, "correct them on main, in a change of their own"
            )


def found_metrics(labels: Sequence[str], rated: bool) -> str:
    """What metrics there are of such data, in words."""
    classes = [plain(label, 40) for label in labels[:_MOST_NAMED]]
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    metrics = ", ".join(metrics_of(len(labels), rated))
    return f"there is {metrics}, and recall:LABEL and its like of {', '.join(classes)}{more}"


def levels(plan: ComparisonSettings, claims: Mapping[str, Collection[str]]) -> dict[tuple[str, str], float]:
    """The confidence of each interval, so that its family holds with `plan.confidence` (Šidák).

    Args:
        plan: whose family it is; all else is the second one.
        claims: the metrics of each group.
    """
    pairs = [(group, metric) for group, metrics in claims.items() for metric in metrics]
    family = plan.family(claims.keys())
    sizes = {True: len(family), False: len(pairs) - len(family)}
    return {pair: float(plan.confidence ** (1 / sizes[pair in family])) for pair in pairs}


def constant(rows: pd.DataFrame, metrics: Iterable[str]) -> frozenset[str]:
    """Those of the metrics that have no value on some rows, since the truth is the same for all, or lacks the class."""
    there_is, is_flat = set(rows["label"]), "rating" in rows and rows["rating"].nunique() < 2
    lacking = {"rating_r"} if is_flat else set()
    lacking |= {"mcc", *BINARY} if len(there_is) < 2 else set()
    return frozenset(
        name for name in metrics if name in lacking or (":" in name and name.partition(":")[2] not in there_is)
    )


def require_few_slices(rows: pd.DataFrame) -> None:
    """Refuse rows of more slices than a comparison can hold, and a reader follow."""
    if "slice" in rows and (found := rows["slice"].nunique()) > MOST_SLICES:
        what = f"{found:,} slices in {TEST}; at most {MOST_SLICES} are compared"
        raise VerdictError("params.yaml: data.slice", what, "name a column with fewer values, or none")
