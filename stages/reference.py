"""reference: count the words of the training text, for `verdict drift` to compare live text with.

data/prepared, data/validation, metrics/evaluation.json -> models/reference.json
"""

import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import read_json
from verdict.classifier import params
from verdict.classifier.dataset.description import read_dataset
from verdict.monitoring.reference import write
from verdict.monitoring.reference.building import build

PREPARED = Path("data/prepared")
PREDICTIONS = Path("data/validation/predictions.parquet")
EVALUATION = Path("metrics/evaluation.json")
REFERENCE = Path("models/reference.json")


def main() -> None:
    """Count the words of training, set limits by validation, and copy the scores on test."""
    headline = params.load().evaluate.headline
    scores = read_json(EVALUATION, "dvc repro evaluate")
    dataset = read_dataset(PREPARED / "dataset.json", "dvc repro prepare")
    found = build(
        dataset,
        train=PREPARED / "train.parquet",
        validation=PREPARED / "validation.parquet",
        predictions=PREDICTIONS,
        scores=scores,
        headline=headline,
    )
    write(REFERENCE, found)
    print(f"reference: {len(found.frequent)} frequent words, {len(found.slices)} slices")


if __name__ == "__main__":
    sys.exit(exit_code(main))
