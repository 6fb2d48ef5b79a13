"""Scores on the validation split: all of the artifact's seed, and the headline metric of further seeds."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from verdict.base.files import write_json, write_table
from verdict.classifier.params.metric_names import BINS, OVERALL
from verdict.classifier.scores.metrics import Floats
from verdict.classifier.scores.predictions import metrics_document_of_predictions, with_probabilities


def write_validation(
    table: pa.Table,
    labels: tuple[str, ...],
    headline: str,
    seeds: Mapping[int, Floats],
    *,
    predictions: Path,
    scores: Path,
) -> dict[str, Any]:
    """Write predictions of each seed, scores of the first, and the headline metric of each.

    Args:
        table: the truth of the validation split, n rows.
        labels: the classes, in the order of the probabilities.
        headline: the metric that decides.
        seeds: probabilities by seed, (n, K); the artifact's comes first.
        predictions: the file for those of the first seed; the others go beside it.
        scores: metrics/validation.json.

    Returns:
        The content of `scores`.
    """
    tables = [with_probabilities(table, labels, probabilities) for probabilities in seeds.values()]
    names = [predictions.name, *(f"seed-{seed}.parquet" for seed in list(seeds)[1:])]
    for name, one in zip(names, tables, strict=True):
        write_table(predictions.with_name(name), one, one.schema)
    documents = [metrics_document_of_predictions(one, labels, BINS, predictions) for one in tables]
    values = [one[OVERALL][headline] for one in documents]
    spread = {
        "values": {str(seed): value for seed, value in zip(seeds, values, strict=True)},
        "mean": round(statistics.fmean(values), 6),
        "std": round(statistics.stdev(values), 6) if len(values) > 1 else 0.0,
    }
    document = {**documents[0], "seeds": spread}
    write_json(scores, document)
    return document


def spread_in_words(seeds: dict[str, Any]) -> str:
    """Describe the spread of the seeds, for the end of a line; empty for one seed."""
    if len(seeds["values"]) == 1:
        return ""
    return f"; {len(seeds['values'])} seeds: {seeds['mean']:.4f} ± {seeds['std']:.4f}"
