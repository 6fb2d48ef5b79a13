"""Trained models for the calibration of the gate: on resampled training data, whole or damaged.

A *split* is the whole data set, split with another `split.salt`. In each split, models are trained on a draw of the
training groups (and the validation groups), each with another seed and its own features; a damaged model learns from
fewer groups, or from rows with another label. Only the predictions are kept, for the split's test rows and for the
validation rows that were drawn, so that a second run goes on where the first ended.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from tests.tables import TABLES
from verdict.base import documents
from verdict.base.files import read_table, replacing
from verdict.classifier.dataset.description import Dataset, read_dataset
from verdict.classifier.dataset.preparation import prepare
from verdict.classifier.dataset.splits import SPLITS, split_of
from verdict.classifier.features import tfidf
from verdict.classifier.features.rows import SparseRows
from verdict.classifier.features.sparse_io import to_scipy
from verdict.classifier.features.tokens import Tokeniser
from verdict.classifier.params import PATH
from verdict.classifier.scores.predictions import label_codes, with_probabilities
from verdict.classifier.training.fit import fit
from verdict.classifier.training.loop import TrainingData
from verdict.review.params import AllParams

KEPT = Path("benchmarks/.retrained")
# bootstrap: as many groups, with replacement (another sample of the same kind, with 63 % of the groups).
# subsample: nine tenths of the groups, without replacement (two such models share 90 % of their training data).
Draw = Literal["bootstrap", "subsample"]
SUBSAMPLE = 0.9


@dataclass(frozen=True)
class Corpus:
    """A data set: the repository's own, as it is prepared, or one of the tables of `make tables` by its name."""

    table: str = ""

    @property
    def kept(self) -> Path:
        """The folder for all that is computed of it."""
        return KEPT / self.table if self.table else KEPT

    @property
    def prepared(self) -> Path:
        """The folder of its prepared tables."""
        return self.kept / "prepared" if self.table else Path("data/prepared")

    def settings(self) -> AllParams:
        """params.yaml; for a table with groups that fit its data, and a gate that names no slice."""
        document = documents.read(PATH, f"git diff {PATH}")
        if self.table:
            table = TABLES[self.table]
            document |= {**table.params, "validate": {}}
            document["data"]["path"] = str(self.kept / table.where)
            # Split by salt, not as the table prefers; a small table needs many test rows to show anything.
            document["split"] = {"by": "group", "test": 0.4}
            document["train"] |= {"class_weight": None, "rating_noise": None}
            document["gate"] |= {"fail_on_worse": {"overall": [document["evaluate"]["headline"]]}, "floors": {}}
        return AllParams.model_validate(document)

    def prepare(self) -> None:
        """Prepare a table, unless it is there; the repository's own is the stage's."""
        if self.table and not (self.prepared / "dataset.json").exists():
            TABLES[self.table].put(self.kept)
            settings = self.settings()
            prepare(settings.data, settings.split, self.prepared, self.kept / "violations.csv")


@dataclass(frozen=True)
class Recipe:
    """The training data of a model: a share of its draw, and a share of a slice's rows with turned labels.

    `slice` None turns rows of all slices.
    """

    groups: float = 1.0
    turned: float = 0.0
    slice: str | None = None

    @property
    def name(self) -> str:
        """The name for files and tables."""
        if self == CLEAN:
            return "clean"
        fewer = [f"groups-{self.groups:g}"] if self.groups < 1 else []
        turned = [f"{self.slice or 'all'}-turned-{self.turned:g}"] if self.turned else []
        return "-".join([*fewer, *turned])


CLEAN = Recipe()


@dataclass(frozen=True)
class Task:
    """One model: how its groups are drawn, the split, what it learns from, and the seed of draw and training."""

    corpus: Corpus
    draw: Draw
    salt: str
    recipe: Recipe
    seed: int

    @property
    def path(self) -> Path:
        """The file of its predictions."""
        return self.corpus.kept / self.draw / self.salt / f"{self.recipe.name}-{self.seed}.npy"

    @property
    def on_validation(self) -> Path:
        """The file of its predictions for the rows that stopped its training, before it learnt from them."""
        return self.path.with_suffix(".validation.npy")


@cache
def known(corpus: Corpus) -> Dataset:
    """Its classes and slices."""
    return read_dataset(corpus.prepared / "dataset.json")


def splits(corpus: Corpus, salt: str) -> dict[str, pd.DataFrame]:
    """The whole data set, split by the stage's rule with another salt."""
    settings = corpus.settings().split.model_copy(update={"salt": salt})
    tables = [read_table(corpus.prepared / f"{name}.parquet", "dvc repro prepare") for name in SPLITS]
    whole = pd.concat(tables, ignore_index=True)
    where = whole["group"].map(lambda group: split_of(group, settings))
    return {name: whole[where == name].reset_index(drop=True) for name in SPLITS}


def drawn(table: pd.DataFrame, task: Task, generator: np.random.Generator) -> pd.DataFrame:
    """The rows of a draw of the groups, as many as the recipe says, their labels turned as it says."""
    recipe = task.recipe
    rows_of = list(table.groupby("group", sort=True).indices.values())
    share = recipe.groups * (1 if task.draw == "bootstrap" else SUBSAMPLE)
    chosen = generator.choice(len(rows_of), round(len(rows_of) * share), replace=task.draw == "bootstrap")
    sample = table.iloc[np.concatenate([rows_of[i] for i in chosen])].reset_index(drop=True)
    inside = np.full(len(sample), True) if recipe.slice is None else (sample["slice"] == recipe.slice).to_numpy()
    turned = inside & (generator.random(len(sample)) < recipe.turned)
    return _turned(sample, turned, known(task.corpus), generator)


def _turned(
    table: pd.DataFrame, turned: npt.NDArray[np.bool_], dataset: Dataset, generator: np.random.Generator
) -> pd.DataFrame:
    """Some rows with another label: where there is a rating the opposite one, else any other."""
    labels = np.asarray(dataset.labels, dtype=object)
    places = label_codes(table, dataset.labels, "a draw")
    if dataset.rating:
        opposite = labels[::-1][places]
        mirrored = 2 * dataset.rating.middle - table["rating"]
        table = table.assign(rating=table["rating"].where(~turned, mirrored))
    else:
        opposite = labels[(places + generator.integers(1, len(labels), len(table))) % len(labels)]
    return table.assign(label=np.where(turned, opposite, table["label"]))


def train(task: Task) -> None:
    """Train one model and keep its probabilities for the test rows, (n, K) in the order of `splits`."""
    if task.path.exists():
        return
    settings = task.corpus.settings()
    tables = splits(task.corpus, task.salt)
    parts = learnt_from(task, tables)
    encoder = tfidf.fit(parts[0]["text"].tolist(), settings.featurize)
    learnt, held_out = (data_of(encoder, part, known(task.corpus)) for part in parts)
    own = settings.train.model_copy(update={"seed": task.seed})
    fitted = fit(own, settings.evaluate.headline, learnt, held_out)
    # The one that says that the model is whole comes last.
    found = {task.on_validation: fitted.validation}
    found[task.path] = fitted.model.probabilities(encoder.transform(tables["test"]["text"]))
    for path, probabilities in found.items():
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, probabilities.astype(np.float32))


def data_of(featurizer: tfidf.TfIdf | Tokeniser, table: pd.DataFrame, dataset: Dataset) -> TrainingData:
    """The rows of a table with their features."""
    features, actual = featurizer.transform(table["text"]), label_codes(table, dataset.labels, "a draw")
    if isinstance(features, SparseRows):
        features = to_scipy(features)
    weight = table["weight"].to_numpy() if "weight" in table else None
    if dataset.rating is None:
        return TrainingData(features, dataset.labels, actual, weight=weight)
    rating = table["rating"].to_numpy() - dataset.rating.middle
    return TrainingData(features, dataset.labels, actual, rating, dataset.rating.reach, weight)


def learnt_from(task: Task, tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the split that the model was trained on, and those that stopped its training."""
    generator = np.random.default_rng([task.seed, *task.recipe.name.encode()])
    return drawn(tables["train"], task, generator), drawn(tables["validation"], task, generator)


def train_all(tasks: Iterable[Task]) -> None:
    """Train what is not there yet, a process a core."""
    missing = [task for task in tasks if not task.path.exists()]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(tqdm(pool.map(train, missing), total=len(missing), desc="models", disable=None))


def predictions(task: Task, test: pd.DataFrame) -> pd.DataFrame:
    """The kept predictions for the test rows of its split, as a table like data/predictions/test.parquet."""
    return _kept(task.path, test, task.corpus)


def predictions_on_validation(task: Task, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The kept predictions for the rows that stopped its training, like data/validation/predictions.parquet."""
    return _kept(task.on_validation, learnt_from(task, tables)[1], task.corpus)


def _kept(path: Path, truth: pd.DataFrame, corpus: Corpus) -> pd.DataFrame:
    probabilities = np.load(path, allow_pickle=False).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    table: pd.DataFrame = with_probabilities(truth, known(corpus).labels, probabilities).to_pandas()
    return table
