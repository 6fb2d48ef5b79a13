"""The plots of the stage evaluate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from verdict.base.files import write_rows
from verdict.classifier.params import Evaluate
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores import plot_tables
from verdict.classifier.scores.metrics import compute_metrics
from verdict.classifier.scores.predictions import scored_rows, slice_masks
from verdict.classifier.scores.published import Published
from verdict.classifier.scores.score_chart import Line, draw_scores


def write_plots(
    folder: Path, predictions: pa.Table, labels: tuple[str, ...], settings: Evaluate, published: Sequence[Published]
) -> None:
    """Write the data of each plot of dvc.yaml into a folder, and the picture of the scores.

    Args:
        folder: plots/.
        predictions: truth columns, and a probability of each class.
        labels: the classes in their order.
        settings: of the metrics and the list of mistakes.
        published: published scores to show beside ours.
    """
    rows, parts = scored_rows(predictions, labels, str(folder)), list(slice_masks(predictions))
    ids = predictions["id"].to_pylist()
    of_rows = predictions["slice"].to_pylist() if "slice" in predictions.column_names else None
    write_rows(folder / "confusion.json", plot_tables.confusions(rows, parts))
    write_rows(folder / "reliability.json", plot_tables.calibration(rows, settings.calibration_bins))
    write_rows(folder / "precision_recall.json", plot_tables.precision_recall(rows))
    write_rows(folder / "mistakes.json", plot_tables.mistakes(rows, ids, of_rows, settings.mistakes))
    headline = settings.headline
    if len(parts) > 1:
        lines = [
            Line(name, compute_metrics(rows[inside], settings.calibration_bins)[headline], int(inside.sum()))
            for name, inside in parts
            if name != OVERALL
        ]
        title = headline
    else:
        counts = np.bincount(rows.actual, minlength=len(labels))
        metrics = compute_metrics(rows, settings.calibration_bins)
        lines = [Line(label, metrics[f"f1:{label}"], int(n)) for label, n in zip(labels, counts, strict=True)]
        title = "f1"
    draw_scores(folder / "scores.png", lines, title, [one for one in published if one.metric == title])
