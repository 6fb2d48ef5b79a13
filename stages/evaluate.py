"""evaluate: score the artifact on the text of the test split, the way a user of it would.

models/classifier, data/prepared/test.parquet -> metrics/evaluation.json, plots/*, data/predictions/test.parquet
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import (
    read_table,
    write_json,
    write_rows,
    write_table,
)
from verdict.classifier import params
from verdict.classifier.artifact import document_hash, load_classifier, load_documents
from verdict.classifier.dataset.splits import LABELS, require_labels
from verdict.classifier.dataset.text import GIVEN
from verdict.classifier.scores import metrics
from verdict.classifier.scores.domain_chart import draw_domains
from verdict.classifier.scores.predictions import (
    SCHEMA,
    TRUTH,
    all_scores,
    arrays,
    with_probabilities,
)

MODEL = Path("models/classifier")
TEST = Path("data/prepared/test.parquet")
PREDICTIONS = Path("data/predictions/test.parquet")
EVALUATION = Path("metrics/evaluation.json")
PLOTS = Path("plots")


def main() -> None:
    """Predict, then write predictions, metrics and plots."""
    settings = params.load().evaluate
    table = read_table(TEST, "dvc repro prepare", [*TRUTH, "text"])
    require_labels(TEST, table["label"])
    predictions = predict(table)
    write_table(PREDICTIONS, predictions, SCHEMA)
    results = all_scores(predictions, settings.calibration_bins, TEST)
    write_json(EVALUATION, results)
    _write_plots(predictions, results, settings)
    overall = results["overall"]
    print(f"evaluate: weighted F1 {overall['weighted_f1']:.4f} on {overall['n']} sentences")


def predict(table: pd.DataFrame) -> pd.DataFrame:
    """The truth columns and three probabilities for each row, by an artifact that was not trained on any of them."""
    classifier = load_classifier(MODEL)
    if classifier.labels != LABELS:
        raise VerdictError(str(MODEL), f"predicts {classifier.labels}, the data has {LABELS}", "dvc repro train")
    known = set(load_documents(MODEL))
    leaked = table.loc[table["document"].map(document_hash).isin(known), "document"]
    if len(leaked):
        what = f"was trained on {leaked.nunique()} documents of the test split, such as {leaked.iloc[0]}"
        raise VerdictError(str(MODEL), what, "dvc repro train")
    probabilities = classifier.probabilities(classifier.text.of(table[GIVEN], str(MODEL)))
    if not np.isfinite(probabilities).all():
        raise VerdictError(str(MODEL), "gives probabilities that are not finite", "dvc repro -f train")
    return with_probabilities(table, probabilities)


def _write_plots(predictions: pd.DataFrame, results: dict[str, Any], settings: params.Evaluate) -> None:
    labels, probabilities = arrays(predictions)
    bins = metrics.calibration(labels, probabilities, settings.calibration_bins)
    rounded = [{name: round(value, metrics.DIGITS) for name, value in row.items()} for row in bins]
    write_rows(PLOTS / "confusion.json", list(metrics.confusion(predictions)))
    write_rows(PLOTS / "reliability.json", rounded)
    write_rows(PLOTS / "precision_recall.json", list(metrics.precision_recall(labels, probabilities)))
    write_rows(PLOTS / "mistakes.json", list(metrics.mistakes(predictions, settings.mistakes)))
    domains = results["domains"]
    weighted_f1 = {name: figures["weighted_f1"] for name, figures in domains.items()}
    draw_domains(PLOTS / "domains.png", weighted_f1, {name: figures["n"] for name, figures in domains.items()})


if __name__ == "__main__":
    sys.exit(exit_code(main))
