"""featurize: what the chosen kind of model reads. TF-IDF learnt on the training split, or an encoder's token ids.

data/prepared, metrics/data.json -> data/features/
"""

import sys
from pathlib import Path

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json, sha256, write_json, write_table
from verdict.classifier import params
from verdict.classifier.dataset.description import read_dataset, read_prepared, write_dataset
from verdict.classifier.features.pretrained import require_start
from verdict.classifier.features.write import write_tfidf, write_token_ids
from verdict.classifier.kinds import KINDS
from verdict.classifier.scores.predictions import schema_of

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
FEATURES = Path("data/features")
# The test split stays out: what training cannot see it cannot learn.
SPLITS = ("train", "validation")


def main() -> None:
    """Fit, transform, write."""
    settings = params.load()
    require_start(settings.train.model)
    report = read_json(REPORT, "dvc repro validate")
    if not isinstance(report, dict) or report.get("violations") != 0:
        raise VerdictError(str(REPORT), "the data was not found valid", "dvc repro validate")
    dataset = read_dataset(PREPARED / "dataset.json")
    tables = {name: read_prepared(PREPARED / f"{name}.parquet", "dvc repro prepare", "text") for name in SPLITS}
    texts = {name: table["text"].to_pylist() for name, table in tables.items()}
    write = write_token_ids if KINDS[settings.train.model].representation == "tokens" else write_tfidf
    written = write(FEATURES, texts, settings.featurize)
    for name, table in tables.items():
        kept = [column for column in table.column_names if column != "text"]
        write_table(FEATURES / f"{name}.parquet", table, schema_of(kept))
    write_dataset(FEATURES / "dataset.json", dataset)
    write_json(FEATURES / "source.json", {name: sha256(PREPARED / f"{name}.parquet") for name in SPLITS})
    print(f"featurize: {written}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
