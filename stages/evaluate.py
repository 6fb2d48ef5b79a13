"""evaluate: score the artifact on the text of the test split, the way a user of it would.

models/classifier, data/prepared/test.parquet -> metrics/evaluation.json, plots/*, data/predictions/test.parquet
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_arrow, write_json, write_rows, write_table
from verdict.classifier import params
from verdict.classifier.artifact import document_hash, load_classifier, load_documents
from verdict.classifier.dataset.splits import LABELS, require_labels
from verdict.classifier.dataset.text import GIVEN
from verdict.classifier.scores import plot_tables
from verdict.classifier.scores.domain_chart import draw_domains
from verdict.classifier.scores.metrics import row_sums
from verdict.classifier.scores.predictions import SCHEMA, TRUTH, all_scores, arrays, with_probabilities

MODEL = Path("models/classifier")
TEST = Path("data/prepared/test.parquet")
PREDICTIONS = Path("data/predictions/test.parquet")
EVALUATION = Path("metrics/evaluation.json")
PLOTS = Path("plots")


def main() -> None:
    """Predict, then write predictions, metrics and plots."""
    settings = params.load().evaluate
    table = read_arrow(TEST, "dvc repro prepare", [*TRUTH, "text"])
    require_labels(TEST, table["label"].to_pylist())
    predictions = predict(table)
    write_table(PREDICTIONS, predictions, SCHEMA)
    results = all_scores(predictions, settings.calibration_bins, TEST)
    write_json(EVALUATION, results)
    _write_plots(predictions, results, settings)
    overall = results["overall"]
    print(f"evaluate: weighted F1 {overall['weighted_f1']:.4f} on {overall['n']} sentences")


def predict(table: pa.Table) -> pa.Table:
    """The truth columns and three probabilities for each row, by an artifact that was not trained on any of them."""
    classifier = load_classifier(MODEL)
    if classifier.labels != LABELS:
        raise VerdictError(str(MODEL), f"predicts {classifier.labels}, the data has {LABELS}", "dvc repro train")
    known = set(load_documents(MODEL))
    documents = dict.fromkeys(table["document"].to_pylist())
    if leaked := [document for document in documents if document_hash(document) in known]:
        what = f"was trained on {len(leaked)} documents of the test split, such as {leaked[0]}"
        raise VerdictError(str(MODEL), what, "dvc repro train")
    probabilities = classifier.probabilities(classifier.text.of(table.select(GIVEN).to_pydict(), str(MODEL)))
    if not np.isfinite(probabilities).all():
        raise VerdictError(str(MODEL), "gives probabilities that are not finite", "dvc repro -f train")
    return with_probabilities(table, probabilities)


def _write_plots(predictions: pa.Table, results: dict[str, Any], settings: params.Evaluate) -> None:
    labels, valence, probabilities = arrays(predictions)
    bins, domains = settings.calibration_bins, np.asarray(predictions["domain"], dtype=np.str_)
    sums = row_sums(labels, valence, probabilities, bins)
    write_rows(PLOTS / "confusion.json", plot_tables.confusion(sums, domains))
    write_rows(PLOTS / "reliability.json", plot_tables.calibration(labels, probabilities, bins))
    write_rows(PLOTS / "precision_recall.json", plot_tables.precision_recall(labels, probabilities))
    write_rows(PLOTS / "mistakes.json", plot_tables.mistakes(predictions, settings.mistakes))
    scored = results["domains"]
    weighted_f1 = {name: figures["weighted_f1"] for name, figures in scored.items()}
    draw_domains(PLOTS / "domains.png", weighted_f1, {name: figures["n"] for name, figures in scored.items()})


if __name__ == "__main__":
    sys.exit(exit_code(main))
