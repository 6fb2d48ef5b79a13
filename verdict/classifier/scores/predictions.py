"""Predictions as a table, and their scores overall and by slice: the same for validation and test, stage and review.

A table is one of pyarrow or of pandas: no stage that only scores needs to import pandas.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.description import COLUMNS, select_truth
from verdict.classifier.params.metric_names import BY_CLASS, LOWER_IS_BETTER, OVERALL, metrics_of
from verdict.classifier.scores.metrics import Codes, Floats, ScoredRows, compute_metrics, rounded

if TYPE_CHECKING:
    import pandas as pd

    Table: TypeAlias = pa.Table | pd.DataFrame

MetricsBySlice = dict[str, dict[str, float]]
_NUMBERS = ("rating", "weight")
# Precedes the name of a class that is a column's name, too.
_MARK = "p:"


def probability_columns(labels: Sequence[str]) -> list[str]:
    """The column of each class's probabilities: its name, unless the truth has a column of that name."""
    return [f"{_MARK}{label}" if label in COLUMNS or label.startswith(_MARK) else label for label in labels]


def labels_of(columns: Iterable[str]) -> tuple[str, ...]:
    """The classes that a table has probabilities of, the inverse of `probability_columns`."""
    return tuple(name.removeprefix(_MARK) for name in columns if name not in COLUMNS)


def table_schema(columns: Sequence[str], labels: Sequence[str] = ()) -> pa.Schema:
    """The types of a table: texts and numbers of the truth, and a probability for each of the labels."""
    kinds = {name: pa.float64() if name in _NUMBERS else pa.string() for name in columns}
    return pa.schema({**kinds, **dict.fromkeys(probability_columns(labels), pa.float64())})


def with_probabilities(table: "Table", labels: Sequence[str], probabilities: Floats) -> pa.Table:
    """The truth columns of a table and a probability of each class for each row."""
    truth = select_truth(_names(table))
    named = dict(zip(probability_columns(labels), probabilities.T, strict=True))
    return pa.table({**{name: table[name] for name in truth}, **named}, schema=table_schema(truth, labels))


def label_codes(table: "Table", labels: Sequence[str], where: str, start: int = 0) -> Codes:
    """The place of each row's label among the labels.

    Raises:
        VerdictError: a row has another label; its number counts from `start`, the first row of this part of a table.
    """
    column = table["label"] if isinstance(table, pa.Table) else pa.array(table["label"].tolist(), pa.string())
    known = pa.array(labels, pa.string())
    places: Codes = np.asarray(pc.fill_null(pc.index_in(column, known), -1), dtype=np.intp)
    if (unknown := np.flatnonzero(places < 0)).size:
        row = int(unknown[0])
        what = f"unknown label {column[row].as_py()!r:.80}; there is {', '.join(labels)}"
        raise VerdictError(f"{where}, row {start + row}", what, "dvc repro prepare")
    return places


def scored_rows(predictions: "Table", labels: tuple[str, ...], where: str) -> ScoredRows:
    """Read the labels and probabilities of a table of predictions, which messages call `where`."""
    columns = [np.asarray(predictions[name], dtype=np.float64) for name in probability_columns(labels)]
    rating = np.asarray(predictions["rating"], dtype=np.float64) if "rating" in _names(predictions) else None
    return ScoredRows(labels, label_codes(predictions, labels, where), np.column_stack(columns), rating)


def slice_masks(table: "Table") -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield `overall`, then each slice in the order of the rows, with a mask of its rows."""
    yield OVERALL, np.full(len(table), True)
    if "slice" in _names(table):
        values = np.asarray(table["slice"], dtype=np.str_)
        for name in dict.fromkeys(values.tolist()):
            yield name, values == name


def metrics_by_slice(
    predictions: "Table", labels: tuple[str, ...], bins: int, where: str = "predictions"
) -> MetricsBySlice:
    """Compute the metrics, with all digits: overall, then of each slice, in the order of the rows."""
    rows = scored_rows(predictions, labels, where)
    return {name: compute_metrics(rows[inside], bins) for name, inside in slice_masks(predictions)}


def metrics_document(metrics: MetricsBySlice, labels: Sequence[str]) -> dict[str, Any]:
    """Arrange metrics as a metrics file has them, rounded; those of single classes overall alone."""
    short = {name: {key: value for key, value in own.items() if ":" not in key} for name, own in metrics.items()}
    document: dict[str, Any] = {OVERALL: {**rounded(short.pop(OVERALL)), "classes": _classes(metrics[OVERALL], labels)}}
    return {**document, "slices": {name: rounded(own) for name, own in short.items()}} if short else document


def _classes(metrics: Mapping[str, float], labels: Sequence[str]) -> dict[str, dict[str, float]]:
    return {
        label: {
            **rounded({name: metrics[f"{name}:{label}"] for name in BY_CLASS}),
            "support": int(metrics[f"support:{label}"]),
        }
        for label in labels
    }


def require_headline(headline: str, labels: Sequence[str], rated: bool) -> None:
    """Refuse a headline metric that the data does not have, or that is better when lower."""
    possible = [name for name in metrics_of(len(labels), rated) if name not in LOWER_IS_BETTER]
    if headline not in possible:
        what = f"evaluate.headline: {headline} is none of {', '.join(possible)} (there are {len(labels)} classes)"
        raise VerdictError("params.yaml", what, "evaluate.headline: one of these")


def _names(table: "Table") -> list[str]:
    return list(table.column_names) if isinstance(table, pa.Table) else list(table.columns)


def metrics_document_of_predictions(
    predictions: "Table", labels: tuple[str, ...], bins: int, source: Path
) -> dict[str, Any]:
    """Compute the metrics overall and of each slice, arranged as a metrics file has them; messages name `source`."""
    return metrics_document(metrics_by_slice(predictions, labels, bins, str(source)), labels)


def changed_label_share(base: "pd.DataFrame", candidate: "pd.DataFrame") -> float:
    """Return the share of common rows whose predicted label differs between two tables; 1 without common rows."""
    labels_by_id = []
    for table in (base, candidate):
        labels = labels_of(table.columns)
        rows = table[probability_columns(labels)].to_numpy().argmax(axis=1)
        labels_by_id.append(dict(zip(table["id"], (labels[row] for row in rows), strict=True)))
    shared = labels_by_id[0].keys() & labels_by_id[1].keys()
    return sum(labels_by_id[0][name] != labels_by_id[1][name] for name in shared) / len(shared) if shared else 1.0
