"""The plots of the stage evaluate."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from verdict.base.files import write_rows
from verdict.classifier.params import Evaluate
from verdict.classifier.scores import plot_tables
from verdict.classifier.scores.domain_chart import draw_domains
from verdict.classifier.scores.metrics import row_sums
from verdict.classifier.scores.predictions import arrays


def write_plots(folder: Path, predictions: pa.Table, results: dict[str, Any], settings: Evaluate) -> None:
    """Write the data of each plot of dvc.yaml into a folder, and the picture of the domains.

    Args:
        folder: plots/.
        predictions: as `predictions.SCHEMA` has them.
        results: their scores, `predictions.all_scores`.
        settings: how they are summed up.
    """
    labels, valence, probabilities = arrays(predictions)
    bins, domains = settings.calibration_bins, np.asarray(predictions["domain"], dtype=np.str_)
    sums = row_sums(labels, valence, probabilities, bins)
    write_rows(folder / "confusion.json", plot_tables.confusion(sums, domains))
    write_rows(folder / "reliability.json", plot_tables.calibration(labels, probabilities, bins))
    write_rows(folder / "precision_recall.json", plot_tables.precision_recall(labels, probabilities))
    write_rows(folder / "mistakes.json", plot_tables.mistakes(predictions, settings.mistakes))
    scored = results["domains"]
    weighted_f1 = {name: figures["weighted_f1"] for name, figures in scored.items()}
    draw_domains(folder / "domains.png", weighted_f1, {name: figures["n"] for name, figures in scored.items()})
