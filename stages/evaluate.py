"""evaluate: score the artifact on the text of the test split, the way a user of it would.

models/classifier, data/prepared/test.parquet, data/published.csv
-> metrics/evaluation.json, plots/*, data/predictions/test.parquet
"""

import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import write_json
from verdict.classifier import params
from verdict.classifier.evaluation import write_predictions
from verdict.classifier.scores.plots import write_plots
from verdict.classifier.scores.predictions import metrics_document_of_predictions, require_headline
from verdict.classifier.scores.published import read_published

MODEL = Path("models/classifier")
TEST = Path("data/prepared/test.parquet")
PUBLISHED = Path("data/published.csv")
PREDICTIONS = Path("data/predictions/test.parquet")
EVALUATION = Path("metrics/evaluation.json")
PLOTS = Path("plots")


def main() -> None:
    """Predict, then write predictions, metrics and plots."""
    settings, published = params.load().evaluate, read_published(PUBLISHED)
    predictions, labels = write_predictions(MODEL, TEST, PREDICTIONS)
    require_headline(settings.headline, labels, "rating" in predictions.column_names)
    results = metrics_document_of_predictions(predictions, labels, settings.calibration_bins, TEST)
    write_json(EVALUATION, results)
    write_plots(PLOTS, predictions, labels, settings, published)
    overall = results["overall"]
    print(f"evaluate: {settings.headline} {overall[settings.headline]:.4f} on {overall['n']} rows")


if __name__ == "__main__":
    sys.exit(exit_code(main))
