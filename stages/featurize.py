"""featurize: what the chosen kind of model reads. TF-IDF learnt on the training split, or an encoder's token ids.

data/prepared, metrics/data.json -> data/features/
"""

import sys
from pathlib import Path

import pyarrow as pa

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_arrow, read_json, sha256, write_json, write_table
from verdict.classifier import params
from verdict.classifier.features import tfidf as features
from verdict.classifier.features.pretrained import START, checkpoint, copy_checkpoint, require_start
from verdict.classifier.features.sparse_io import write_matrix
from verdict.classifier.features.tfidf_io import save_tfidf
from verdict.classifier.features.tokens import save_tokeniser, tokeniser_of, write_tokens
from verdict.classifier.kinds import KINDS
from verdict.classifier.scores.predictions import TRUTH, TRUTH_SCHEMA

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
    columns = ["text", *TRUTH]
    tables = {name: read_arrow(PREPARED / f"{name}.parquet", "dvc repro prepare", columns) for name in SPLITS}
    write = _write_tokens if KINDS[settings.train.model].representation == "tokens" else _write_tfidf
    told = write(tables, settings.featurize)
    for name, table in tables.items():
        write_table(FEATURES / f"{name}.parquet", table, TRUTH_SCHEMA)
    write_json(FEATURES / "source.json", {name: sha256(PREPARED / f"{name}.parquet") for name in SPLITS})
    print(f"featurize: {told}")


def _write_tfidf(tables: dict[str, pa.Table], settings: params.Featurize) -> str:
    tfidf = features.fit(tables["train"]["text"].to_pylist(), settings)
    save_tfidf(FEATURES, tfidf)
    for name, table in tables.items():
        write_matrix(FEATURES / f"{name}.safetensors", tfidf.transform(table["text"].to_pylist()))
    return f"{len(tfidf.word.terms)} word and {len(tfidf.char.terms)} character n-grams"


def _write_tokens(tables: dict[str, pa.Table], settings: params.Featurize) -> str:
    folder = checkpoint(settings.tokens.checkpoint)
    tokeniser = tokeniser_of(folder, settings.tokens.max_tokens)
    copy_checkpoint(folder, FEATURES / START)
    save_tokeniser(FEATURES, tokeniser)
    cut = total = 0
    for name, table in tables.items():
        tokens = tokeniser.transform(table["text"].to_pylist())
        write_tokens(FEATURES / f"{name}.safetensors", tokens)
        cut, total = cut + int((tokens.lengths == tokeniser.max_tokens).sum()), total + len(tokens.ids)
    return f"{total} token ids; {cut} sentences reach {tokeniser.max_tokens} tokens, where they are cut"


if __name__ == "__main__":
    sys.exit(exit_code(main))
