"""What a training reads: the features that `featurize` wrote, the truth beside them, and whether they fit together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import scipy.sparse as sp

from verdict.base.errors import VerdictError
from verdict.base.files import is_sha256, read_json
from verdict.classifier.dataset.description import Dataset, read_dataset, read_prepared
from verdict.classifier.features.sparse_io import read_matrix
from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.features.tfidf_io import load_tfidf
from verdict.classifier.features.tokens import Tokeniser, Tokens, load_tokeniser, read_tokens
from verdict.classifier.kinds import Representation
from verdict.classifier.scores.predictions import codes
from verdict.classifier.training.loop import Data

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
_REMEDY = "dvc repro featurize"


@dataclass(frozen=True)
class Inputs:
    """By split the truth (`tables`) and what is trained on (`data`); `reads` makes features of text.

    `dataset` says what the classes are, `source` has the SHA-256 of the prepared tables.
    """

    reads: TfIdf | Tokeniser
    dataset: Dataset
    tables: dict[Split, pa.Table]
    data: dict[Split, Data]
    source: dict[Split, str]

    @property
    def groups(self) -> list[str]:
        """The group of each row, of all splits."""
        return [group for table in self.tables.values() for group in table["group"].to_pylist()]


def read_inputs(folder: Path, representation: Representation) -> Inputs:
    """Read all that a training needs of `data/features`.

    Raises:
        VerdictError: a file is missing, damaged, or does not fit the others; or a class has no row to learn from.
    """
    reads, features = _features(folder, representation)
    dataset = read_dataset(folder / "dataset.json", _REMEDY)
    more = ["rating"] if dataset.rating else []
    tables = {name: read_prepared(folder / f"{name}.parquet", _REMEDY, *more) for name in SPLITS}
    data = {name: _data(folder / name, dataset, tables[name], features[name]) for name in SPLITS}
    _refuse_absent_classes(folder / "train.parquet", data["train"])
    return Inputs(reads, dataset, tables, data, _source(folder / "source.json"))


def _features(
    folder: Path, representation: Representation
) -> tuple[TfIdf | Tokeniser, dict[Split, sp.csr_matrix | Tokens]]:
    """What the model reads text with, and what featurize made of the text with it."""
    paths = {name: folder / f"{name}.safetensors" for name in SPLITS}
    if representation == "tokens":
        return load_tokeniser(folder, _REMEDY), {name: read_tokens(path, _REMEDY) for name, path in paths.items()}
    tfidf = load_tfidf(folder)
    matrices = {name: read_matrix(path, _REMEDY) for name, path in paths.items()}
    for name, matrix in matrices.items():
        if matrix.shape[1] != tfidf.size:
            what = f"has {matrix.shape[1]} columns, expected {tfidf.size}"
            raise VerdictError(str(paths[name]), what, _REMEDY)
    return tfidf, matrices


def _data(path: Path, dataset: Dataset, table: pa.Table, features: sp.csr_matrix | Tokens) -> Data:
    rows = len(features) if isinstance(features, Tokens) else features.shape[0]
    if rows != len(table):
        raise VerdictError(f"{path}.safetensors", f"has {rows} rows, expected {len(table)}", _REMEDY)
    rating, weight = (table[name].to_numpy() if name in table.column_names else None for name in ("rating", "weight"))
    actual, limits = codes(table, dataset.labels, f"{path}.parquet"), dataset.rating
    if limits is None or rating is None:
        return Data(features, dataset.labels, actual, weight=weight)
    return Data(features, dataset.labels, actual, rating - limits.middle, limits.reach, weight)


def _source(path: Path) -> dict[Split, str]:
    source = read_json(path, _REMEDY)
    if not isinstance(source, dict) or set(source) != set(SPLITS) or not all(map(is_sha256, source.values())):
        raise VerdictError(str(path), f"does not hold the hashes of {' and '.join(SPLITS)}", _REMEDY)
    return source


def _refuse_absent_classes(path: Path, data: Data) -> None:
    if absent := [label for place, label in enumerate(data.labels) if place not in data.actual]:
        what = f"no row is {' or '.join(absent)}: that class could not be learnt"
        raise VerdictError(
            str(path), what, "more data; or take the class out of data.labels and its rows out of the table"
        )
