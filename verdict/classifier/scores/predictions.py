"""Predictions as a table, and their scores overall and by domain: the same for validation and test."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores import metrics

TRUTH = ("id", "document", "domain", "label", "valence")
TRUTH_SCHEMA = pa.schema({**{name: pa.string() for name in TRUTH[:-1]}, "valence": pa.float64()})
SCHEMA = pa.schema([*TRUTH_SCHEMA, *pa.schema({name: pa.float64() for name in LABELS})])


def with_probabilities(table: pd.DataFrame, probabilities: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The truth columns of a table and three probabilities for each row, as `SCHEMA` has them."""
    return table[list(TRUTH)].assign(**dict(zip(LABELS, probabilities.T, strict=True)))


def arrays(predictions: pd.DataFrame) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """The true labels, (n,), and the probabilities, (n, 3)."""
    return predictions["label"].to_numpy(dtype=np.str_), predictions[list(LABELS)].to_numpy()


def all_scores(predictions: pd.DataFrame, bins: int, source: Path) -> dict[str, Any]:
    """`metrics.scores` overall and for each domain.

    Raises:
        VerdictError: a domain has no sentence; `source` is named.
    """
    parts = {domain: predictions[predictions["domain"] == domain] for domain in DOMAINS}
    return {
        "overall": _scores(predictions, bins, source),
        "domains": {domain: _scores(part, bins, source) for domain, part in parts.items()},
    }


def _scores(predictions: pd.DataFrame, bins: int, source: Path) -> dict[str, float]:
    if predictions.empty:
        raise VerdictError(str(source), "a domain has no sentence", "more data, or other shares in prepare")
    labels, probabilities = arrays(predictions)
    return metrics.scores(labels, predictions["valence"].to_numpy(), probabilities, bins)
