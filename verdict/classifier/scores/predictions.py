"""Predictions as a table, and their scores overall and by domain: the same for validation and test, stage and review.

A table is one of pyarrow or of pandas: no stage that only scores needs to import pandas.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores.metric_names import OVERALL
from verdict.classifier.scores.metrics import Floats, Labels, of_sums, rounded, row_sums

if TYPE_CHECKING:
    import pandas as pd

    Table: TypeAlias = pa.Table | pd.DataFrame

TRUTH = ("id", "document", "domain", "label", "valence")
TRUTH_SCHEMA = pa.schema({**{name: pa.string() for name in TRUTH[:-1]}, "valence": pa.float64()})
SCHEMA = pa.schema([*TRUTH_SCHEMA, *pa.schema({name: pa.float64() for name in LABELS})])


def with_probabilities(table: "Table", probabilities: npt.NDArray[np.float64]) -> pa.Table:
    """The truth columns of a table and three probabilities for each row, as `SCHEMA` has them."""
    truth = {name: table[name] for name in TRUTH}
    return pa.table({**truth, **dict(zip(LABELS, probabilities.T, strict=True))}, schema=SCHEMA)


def truth_of(table: "Table") -> tuple[Labels, Floats]:
    """The true labels and the valence, both of shape (n,)."""
    return np.asarray(table["label"], dtype=np.str_), np.asarray(table["valence"], dtype=np.float64)


def arrays(predictions: "Table") -> tuple[Labels, Floats, Floats]:
    """What the metrics are computed from: the true labels and the valence, (n,), and the probabilities, (n, 3)."""
    probabilities = [np.asarray(predictions[name], dtype=np.float64) for name in LABELS]
    return *truth_of(predictions), np.column_stack(probabilities)


def by_group(predictions: "Table", bins: int) -> dict[str, dict[str, float]]:
    """Each metric, with all digits, and n: overall, then in each domain, in the order of the rows."""
    sums, domains = row_sums(*arrays(predictions), bins), np.asarray(predictions["domain"], dtype=np.str_)
    groups = {OVERALL: np.full(len(domains), True)}
    groups |= {name: domains == name for name in dict.fromkeys(domains.tolist())}
    return {
        name: {**{m: float(value) for m, value in of_sums(sums[rows].sum(axis=0), bins).items()}, "n": int(rows.sum())}
        for name, rows in groups.items()
    }


def all_scores(predictions: "Table", bins: int, source: Path) -> dict[str, Any]:
    """The scores overall and for each domain, as a metrics file has them.

    Raises:
        VerdictError: a domain has no sentence; `source` and the domain are named.
    """
    if absent := sorted(set(DOMAINS) - set(np.asarray(predictions["domain"]).tolist())):
        what = f"a domain has no sentence: {', '.join(absent)}"
        raise VerdictError(str(source), what, "more data, or other shares in prepare")
    found = {name: rounded(figures) for name, figures in by_group(predictions, bins).items()}
    return {"overall": found[OVERALL], "domains": {domain: found[domain] for domain in DOMAINS}}
