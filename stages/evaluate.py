"""evaluate: score the artifact on the text of the test split, the way a user of it would.

models/classifier, data/prepared/test.parquet -> metrics/evaluation.json, plots/*, data/predictions/test.parquet
"""

import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import read_arrow, write_json, write_table
from verdict.classifier import params
from verdict.classifier.dataset.splits import require_labels
from verdict.classifier.evaluation import predictions_of
from verdict.classifier.scores.plots import write_plots
from verdict.classifier.scores.predictions import SCHEMA, TRUTH, all_scores

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
    predictions = predictions_of(MODEL, table)
    write_table(PREDICTIONS, predictions, SCHEMA)
    results = all_scores(predictions, settings.calibration_bins, TEST)
    write_json(EVALUATION, results)
    write_plots(PLOTS, predictions, results, settings)
    overall = results["overall"]
    print(f"evaluate: weighted F1 {overall['weighted_f1']:.4f} on {overall['n']} sentences")


if __name__ == "__main__":
    sys.exit(exit_code(main))
