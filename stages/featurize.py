"""featurize: make the features of the chosen kind of model: n-grams by vocabulary or by hash, or token ids.

data/prepared, metrics/data.json -> data/features/
"""

import sys
from itertools import chain
from pathlib import Path

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json, sha256, write_json, write_parts
from verdict.classifier import params
from verdict.classifier.dataset.description import prepared_parts, read_dataset, write_dataset
from verdict.classifier.features.pretrained import require_start
from verdict.classifier.features.write import write_features
from verdict.classifier.params.kinds import KINDS
from verdict.classifier.scores.predictions import table_schema

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
FEATURES = Path("data/features")
# Without the test split, so that training cannot see it.
SPLITS = ("train", "validation")
_REMEDY = "dvc repro prepare"


def main() -> None:
    """Fit, transform, write."""
    settings = params.load()
    require_start(settings.train.model)
    report = read_json(REPORT, "dvc repro validate")
    if not isinstance(report, dict) or report.get("violations") != 0:
        raise VerdictError(str(REPORT), "the data was not found valid", "dvc repro validate")
    dataset = read_dataset(PREPARED / "dataset.json")
    tables = {name: PREPARED / f"{name}.parquet" for name in SPLITS}
    representations = KINDS[settings.train.model].representations
    chosen = settings.featurize.method if settings.featurize.method in representations else representations[0]
    written = write_features(FEATURES, tables, settings.featurize, chosen)
    for name, table in tables.items():
        copy_truth(table, FEATURES / f"{name}.parquet")
    write_dataset(FEATURES / "dataset.json", dataset)
    source = {name: sha256(table) for name, table in tables.items()}
    write_json(FEATURES / "source.json", source)
    print(f"featurize: {written}")


def copy_truth(source: Path, target: Path) -> None:
    """Copy all columns of a prepared table but its text."""
    parts = prepared_parts(source, _REMEDY, "text")
    first = next(parts)
    kept = [name for name in first.column_names if name != "text"]
    write_parts(target, table_schema(kept), chain([first], parts))


if __name__ == "__main__":
    sys.exit(exit_code(main))
