"""train: fit the chosen model on the features, and write an artifact that needs nothing else.

data/features -> models/classifier/, plots/training.json
"""

import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from classifier import params
from classifier.artifact import Manifest, save_classifier, used_params
from classifier.corpus import LABELS, require_labels
from classifier.encoder import load_encoder
from classifier.errors import VerdictError, exit_code
from classifier.files import is_sha256, read_json, read_table, write_rows
from classifier.matrix import read_matrix
from classifier.numerics import hardware_class
from classifier.training import fit
from classifier.training.loop import Data

FEATURES = Path("data/features")
MODEL = Path("models/classifier")
CURVE = Path("plots/training.json")
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
_REMEDY = "dvc repro featurize"


def main() -> None:
    """Train, write the artifact and the learning curve."""
    settings = params.load()
    encoder = load_encoder(FEATURES)
    columns = ["document", "label", "valence"]
    targets = {name: read_table(FEATURES / f"{name}.parquet", _REMEDY, columns) for name in SPLITS}
    for name, table in targets.items():
        require_labels(FEATURES / f"{name}.parquet", table["label"])
    data = {name: _data(name, table, encoder.size) for name, table in targets.items()}
    _refuse_absent_classes(targets["train"])
    model, curve = fit(settings.train, data["train"], data["validation"])
    manifest = Manifest(
        kind=settings.train.model,
        labels=LABELS,
        train=used_params(settings.train),
        trained_on=_source(),
        hardware_class=hardware_class(settings.train.device),
        files={},
    )
    documents = pd.concat([table["document"] for table in targets.values()])
    save_classifier(MODEL, encoder, model, documents, manifest)
    write_rows(CURVE, curve)
    best = min((point for point in curve if point["on"] == "validation"), key=lambda point: point["loss"])
    print(
        f"train: {settings.train.model}, best of {len(curve) // 2} epochs is {best['epoch']}:"
        f" validation loss {best['loss']:.4f}, weighted F1 {best['validation_weighted_f1']:.4f}"
    )


def _data(name: str, table: pd.DataFrame, size: int) -> Data:
    path = FEATURES / f"{name}.safetensors"
    matrix = read_matrix(path, _REMEDY)
    if matrix.shape != (len(table), size):
        what = f"is {matrix.shape[0]} × {matrix.shape[1]}, expected {len(table)} × {size}"
        raise VerdictError(str(path), what, _REMEDY)
    return Data(matrix, table["label"].to_numpy(dtype=np.str_), table["valence"].to_numpy())


def _source() -> dict[Split, str]:
    """The hashes of the tables that the features came from."""
    path = FEATURES / "source.json"
    source = read_json(path, _REMEDY)
    if not isinstance(source, dict) or set(source) != set(SPLITS) or not all(map(is_sha256, source.values())):
        raise VerdictError(str(path), f"does not hold the hashes of {' and '.join(SPLITS)}", _REMEDY)
    return source


def _refuse_absent_classes(table: pd.DataFrame) -> None:
    if absent := [label for label in LABELS if not (table["label"] == label).any()]:
        what = f"no sentence is {' or '.join(absent)}: that class could not be learnt"
        raise VerdictError(str(FEATURES / "train.parquet"), what, "more data, or another prepare.neutral_band")


if __name__ == "__main__":
    sys.exit(exit_code(main))
