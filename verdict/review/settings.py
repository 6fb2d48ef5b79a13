"""Settings of a comparison: the metrics, the families of intervals, the resamples.

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
# At most so many slices are compared: each keeps its resamples, 80 kB a metric.
MOST_SLICES = 200


@dataclass(frozen=True)
class ComparisonSettings:
    """The metric that decides, the bootstrap's settings, and `bins` of the calibration error.

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

    def metrics_for(self, group: str, metrics: Sequence[str]) -> tuple[str, ...]:
        """The metrics to compare in a group: the headline first, all of `metrics`, and what the policy names there."""
        named = {metric for of_group, metric in self.named | self.floored if of_group == group}
        return tuple(dict.fromkeys([self.headline, *metrics, *sorted(named)]))

    def require_metrics(self, labels: Sequence[str], rated: bool) -> None:
        """Refuse settings with metrics that the data does not have."""
        possible = (*metrics_of(len(labels), rated), *class_metric_names(labels))
        names = [self.headline, *(name for _, name in sorted(self.named | self.floored))]
        if unknown := [name for name in dict.fromkeys(names) if name not in possible]:
            what = f"the data has no {', '.join(unknown):.200}; {_possible_metrics(labels, rated)}"
            raise VerdictError(
                "params.yaml: evaluate.headline, gate", what, "correct them on main, in a change of their own"
            )


def _possible_metrics(labels: Sequence[str], rated: bool) -> str:
    """The metrics of such data, in words."""
    classes = [plain(label, 40) for label in labels[:_MOST_NAMED]]
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    metrics = ", ".join(metrics_of(len(labels), rated))
    return f"there is {metrics}, and recall:LABEL and its like of {', '.join(classes)}{more}"


def levels(settings: ComparisonSettings, claims: Mapping[str, Collection[str]]) -> dict[tuple[str, str], float]:
    """The confidence of each interval, so that its family holds with `settings.confidence` (Šidák).

    `claims` has the metrics of each group; those that are not of the gate's family are the second one.
    """
    pairs = [(group, metric) for group, metrics in claims.items() for metric in metrics]
    family = settings.family(claims.keys())
    sizes = {True: len(family), False: len(pairs) - len(family)}
    return {pair: float(settings.confidence ** (1 / sizes[pair in family])) for pair in pairs}


def undefined_metrics(rows: pd.DataFrame, metrics: Iterable[str]) -> frozenset[str]:
    """Those metrics that have no value on some rows: the truth is the same for all, or the metric's class is absent."""
    labels, is_flat = set(rows["label"]), "rating" in rows and rows["rating"].nunique() < 2
    undefined = {"rating_r"} if is_flat else set()
    undefined |= {"mcc", *BINARY} if len(labels) < 2 else set()
    return frozenset(
        name for name in metrics if name in undefined or (":" in name and name.partition(":")[2] not in labels)
    )


def require_few_slices(rows: pd.DataFrame) -> None:
    """Refuse rows of more slices than a comparison can hold, and a reader follow."""
    if "slice" in rows and (count := rows["slice"].nunique()) > MOST_SLICES:
        what = f"{count:,} slices in {TEST}; at most {MOST_SLICES} are compared"
        raise VerdictError("params.yaml: data.slice", what, "name a column with fewer values, or none")
