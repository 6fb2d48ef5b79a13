"""The inputs of a training: the features that `featurize` wrote and the truth, checked against each other."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.base.files import is_sha256, read_arrow_parts, read_json
from verdict.classifier.dataset.description import Dataset, prepared_parts, read_dataset, read_prepared
from verdict.classifier.features.featurizer import Featurizer, load_featurizer
from verdict.classifier.features.hashing import HashedNgrams
from verdict.classifier.features.shards import Shards
from verdict.classifier.features.sparse_io import read_matrix
from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.features.tfidf_io import read_tensors
from verdict.classifier.features.tokens import Tokens, read_tokens
from verdict.classifier.features.write import CONTENTS, IDF
from verdict.classifier.params.kinds import KINDS, Features, Representation
from verdict.classifier.scores.metrics import Floats
from verdict.classifier.scores.predictions import label_codes
from verdict.classifier.training.loop import TrainingData

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
_REMEDY = "dvc repro featurize"
_NUMBERS = ("rating", "weight")


@dataclass(frozen=True)
class Inputs:
    """The training data by split, and the featurizer that made the features.

    `dataset` has the classes, `truth` the validation split's labels, `source` the SHA-256 of the prepared tables.
    """

    folder: Path
    featurizer: Featurizer
    dataset: Dataset
    data: dict[Split, TrainingData]
    source: dict[Split, str]

    @property
    def truth(self) -> pa.Table:
        """The truth of the validation split, with all its columns."""
        return read_prepared(self.folder / "validation.parquet", _REMEDY)

    @property
    def groups(self) -> Iterator[str]:
        """Yield the group of each row of all splits, read from disk."""
        for name in SPLITS:
            for part in read_arrow_parts(self.folder / f"{name}.parquet", _REMEDY, ["group"]):
                yield from part["group"].to_pylist()


def read_inputs(folder: Path, model: str) -> Inputs:
    """Read all that the training of a kind of model needs of `data/features`.

    Raises:
        VerdictError: a file is missing, damaged, or does not fit the others; a class has no row to learn from; or
            the features are not for this kind.
    """
    representation = _representation(folder)
    if representation not in KINDS[model].representations:
        raise VerdictError(str(folder), f"holds {representation}, which a {model} model does not read", _REMEDY)
    tensors = read_tensors(folder / IDF, _REMEDY) if representation != "tokens" else {}
    featurizer = load_featurizer(folder, representation, tensors, _REMEDY)
    dataset = read_dataset(folder / "dataset.json", _REMEDY)
    data = {name: _training_data(folder / name, dataset, _features(folder, name, featurizer)) for name in SPLITS}
    _refuse_absent_classes(folder / "train.parquet", data["train"])
    return Inputs(folder, featurizer, dataset, data, _source(folder / "source.json"))


def _features(folder: Path, name: Split, featurizer: Featurizer) -> Features:
    """Read the features of a split."""
    path = folder / f"{name}.safetensors"
    if isinstance(featurizer, HashedNgrams):
        return _shards(folder, name, featurizer)
    if not isinstance(featurizer, TfIdf):
        return read_tokens(path, _REMEDY)
    matrix = read_matrix(path, _REMEDY)
    if matrix.shape[1] != featurizer.size:
        raise VerdictError(str(path), f"has {matrix.shape[1]} columns, expected {featurizer.size}", _REMEDY)
    return matrix


def _shards(folder: Path, name: Split, featurizer: HashedNgrams) -> Shards:
    path = folder / CONTENTS
    listed = read_json(path, _REMEDY).get("shards")
    rows_by_shard = listed.get(name) if isinstance(listed, dict) else None
    if not isinstance(rows_by_shard, dict) or not all(type(rows) is int for rows in rows_by_shard.values()):
        raise VerdictError(str(path), f"does not list the shards of {name}", _REMEDY)
    files = tuple((folder / f"{shard}.safetensors", 0) for shard in rows_by_shard)
    return Shards(featurizer, files, sum(rows_by_shard.values()))


def _training_data(path: Path, dataset: Dataset, features: Features) -> TrainingData:
    table = Path(f"{path}.parquet")
    actual, start, numbers = [], 0, defaultdict[str, list[Floats]](list)
    for part in prepared_parts(table, _REMEDY, *(["rating"] if dataset.rating else [])):
        actual.append(label_codes(part, dataset.labels, str(table), start))
        start += len(part)
        for name in set(_NUMBERS) & set(part.column_names):
            numbers[name].append(part[name].to_numpy())
    data = TrainingData(features, dataset.labels, np.concatenate(actual))
    rows = len(features) if isinstance(features, Tokens | Shards) else features.shape[0]
    if rows != len(data.actual):
        raise VerdictError(f"{path}.safetensors", f"has {rows} rows, expected {len(data.actual)}", _REMEDY)
    if "weight" in numbers:
        weight = np.concatenate(numbers["weight"])
        # To a mean of 1: otherwise their unit would be a learning rate.
        data = replace(data, weight=weight / (weight.mean() or 1.0))
    if dataset.rating and "rating" in numbers:
        rating = np.concatenate(numbers["rating"]) - dataset.rating.middle
        data = replace(data, rating=rating, reach=dataset.rating.reach)
    return data


def _representation(folder: Path) -> Representation:
    contents = read_json(folder / CONTENTS, _REMEDY)
    named: Representation | None = contents.get("representation") if isinstance(contents, dict) else None
    if named is None or named not in get_args(Representation):
        raise VerdictError(str(folder / CONTENTS), "does not say what the features are", _REMEDY)
    return named


def _source(path: Path) -> dict[Split, str]:
    source = read_json(path, _REMEDY)
    if not isinstance(source, dict) or set(source) != set(SPLITS) or not all(map(is_sha256, source.values())):
        raise VerdictError(str(path), f"does not hold the hashes of {' and '.join(SPLITS)}", _REMEDY)
    return source


def _refuse_absent_classes(path: Path, data: TrainingData) -> None:
    counts = np.bincount(data.actual, minlength=len(data.labels))
    if absent := [label for label, count in zip(data.labels, counts, strict=True) if not count]:
        what = f"no row is {' or '.join(absent)}: that class could not be learnt"
        raise VerdictError(
            str(path), what, "more data; or take the class out of data.labels and its rows out of the table"
        )
