"""featurize: learn word and character TF-IDF on the training split, and apply it to what training needs.

data/prepared, metrics/data.json -> data/features/
"""

import sys
from pathlib import Path

from classifier import features, params
from classifier.errors import VerdictError, exit_code
from classifier.files import read_json, read_table, sha256, write_json, write_table
from classifier.matrix import write_matrix
from classifier.scoring import TRUTH, TRUTH_SCHEMA
from classifier.vocabulary import save_tfidf

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
FEATURES = Path("data/features")
# The test split stays out: what training cannot see it cannot learn.
SPLITS = ("train", "validation")


def main() -> None:
    """Fit, transform, write."""
    settings = params.load().featurize
    report = read_json(REPORT, "dvc repro validate")
    if not isinstance(report, dict) or report.get("violations") != 0:
        raise VerdictError(str(REPORT), "the data was not found valid", "dvc repro validate")
    columns = ["text", *TRUTH]
    tables = {name: read_table(PREPARED / f"{name}.parquet", "dvc repro prepare", columns) for name in SPLITS}
    encoder = features.fit(tables["train"]["text"].tolist(), settings)
    save_tfidf(FEATURES, encoder)
    for name, table in tables.items():
        write_matrix(FEATURES / f"{name}.safetensors", encoder.transform(table["text"]))
        write_table(FEATURES / f"{name}.parquet", table[list(TRUTH)], TRUTH_SCHEMA)
    write_json(FEATURES / "source.json", {name: sha256(PREPARED / f"{name}.parquet") for name in SPLITS})
    print(f"featurize: {len(encoder.word.terms)} word and {len(encoder.char.terms)} character n-grams")


if __name__ == "__main__":
    sys.exit(exit_code(main))
