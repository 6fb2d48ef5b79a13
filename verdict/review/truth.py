"""Untrusted tables of rows: their truth columns (id, group, label and the like), a model's probabilities, checks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import probability_columns
from verdict.review.tables import bounded_table, columns_in

# The columns of every table of rows; `select_truth` adds the optional ones.
_ALWAYS = ("id", "group", "label")
# At most so many labels or slices: no table shows more, and no bootstrap can hold them.
_MOST_NAMES, _LONGEST_NAME = 1000, 1000


def require_names(names: Sequence[str], what: str, where: str, remedy: str) -> None:
    """Refuse too many labels or slices, duplicates, and very long names."""
    if len(names) > _MOST_NAMES or len(set(names)) < len(names) or max(map(len, names)) > _LONGEST_NAME:
        problem = f"{len(names):,} {what}: more than {_MOST_NAMES:,}, one of them twice, or a very long one"
        raise VerdictError(where, problem, remedy)


def read_truth(path: Path, remedy: str, *more: str) -> pd.DataFrame:
    """Read a table's truth columns, and some more, all without gaps."""
    return bounded_table(path, remedy, [*truth_columns(path), *more])


def truth_columns(path: Path) -> list[str]:
    """The names of a table's truth columns, with those that every table must have."""
    return select_truth([*_ALWAYS, *columns_in(path)])


def require_truth(table: pd.DataFrame, where: str, labels: Sequence[str]) -> None:
    """Refuse a table without rows, with duplicate ids, unknown labels, a slice called `overall`, or missing ratings."""
    remedy = "dvc repro prepare"
    if table.empty:
        raise VerdictError(where, "no row in it", remedy)
    for name in select_truth(table.columns.difference(["rating"])):
        if not pd.api.types.is_string_dtype(table[name]):
            raise VerdictError(where, f"{name} is no text", remedy)
    if (repeated := table["id"].duplicated()).any():
        raise VerdictError(where, f"id {table['id'][repeated].iloc[0]} stands twice", remedy)
    if unknown := sorted(set(table["label"]) - set(labels)):
        what = f"labels that the artifact does not have: {', '.join(f'{label!r:.80}' for label in unknown[:5])}"
        raise VerdictError(where, what, "dvc repro -f train, and data.labels without what is no label")
    if "slice" in table:
        names = list(table["slice"].unique())
        require_names(names, "slices", where, "a column with fewer values in data.slice, or none")
        if OVERALL in names:
            raise VerdictError(where, f"a slice called {OVERALL}, which is all rows", "another name for it in the data")
    if "rating" in table and not np.isfinite(table["rating"].to_numpy(dtype=np.float64)).all():
        raise VerdictError(where, "a rating that is not a finite number", remedy)


def extended_to_labels(table: pd.DataFrame, labels: Sequence[str], to_labels: Sequence[str]) -> pd.DataFrame:
    """Extend predictions by columns for labels that the model lacks: their probability is 0."""
    missing = [label for label in to_labels if label not in set(labels)]
    extended = table.assign(**dict.fromkeys(probability_columns(missing), 0.0))
    return extended[[*select_truth(table.columns), *probability_columns(to_labels)]]


def with_probabilities(table: pd.DataFrame, labels: Sequence[str], values: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The truth columns of a table, and a column for each label's probability."""
    probabilities = pd.DataFrame(values, columns=probability_columns(labels), index=table.index)
    return table[select_truth(table.columns)].join(probabilities)


def require_probabilities(table: pd.DataFrame, labels: Sequence[str], where: str) -> None:
    """Refuse rows whose probabilities are no numbers, below 0, or do not add up to 1."""

    def refuse(bad: npt.NDArray[np.bool_], what: str) -> None:
        if bad.any():
            raise VerdictError(f"{where}, row {int(bad.argmax())}", what, "dvc repro -f train evaluate")

    values = table[probability_columns(labels)].to_numpy(dtype=np.float64)
    refuse(~np.isfinite(values).all(axis=1), "a probability that is not a finite number")
    wrong_sum = np.abs(values.sum(axis=1) - 1) > 1e-4
    refuse((values < 0).any(axis=1) | wrong_sum, "probabilities below 0, or not adding up to 1")
