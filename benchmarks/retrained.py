"""Models that are really trained, for the calibration of the gate: on resampled training data, whole or damaged.

One *split* is the whole corpus split anew by `prepare.salt`. In each, models are trained on a draw of the training
documents (and so for validation), each with a seed of its own, features and all; a damaged one learns from fewer
documents, or from sentences whose rating was turned round. Only their predictions for that split's test sentences are
kept, one file a model, so that a second start goes on where the first ended.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from classifier import corpus, features, params
from classifier.corpus import LABELS
from classifier.files import read_table, replacing
from classifier.training import fit
from classifier.training.loop import Data

KEPT = Path("benchmarks/.retrained")
PREPARED = Path("data/prepared")
# bootstrap: as many documents, with replacement (another sample of the same kind; 63 % of the documents are in it).
# subsample: nine tenths of the documents, without replacement (two such models share 90 % of what they learn from).
Draw = Literal["bootstrap", "subsample"]
SUBSAMPLE = 0.9


@dataclass(frozen=True)
class Recipe:
    """What a model learns from: a share of its draw, and a share of a domain's sentences with turned ratings.

    `domain` None turns sentences of all domains.
    """

    documents: float = 1.0
    turned: float = 0.0
    domain: str | None = None

    @property
    def name(self) -> str:
        """As it stands in file names and tables."""
        if self == CLEAN:
            return "clean"
        fewer = [f"documents-{self.documents:g}"] if self.documents < 1 else []
        turned = [f"{self.domain or 'all'}-turned-{self.turned:g}"] if self.turned else []
        return "-".join([*fewer, *turned])


CLEAN = Recipe()


@dataclass(frozen=True)
class Task:
    """One model: how its documents are drawn, the split, what it learns from, and the seed of draw and training."""

    draw: Draw
    salt: str
    recipe: Recipe
    seed: int

    @property
    def path(self) -> Path:
        """Where its predictions are kept."""
        return KEPT / self.draw / self.salt / f"{self.recipe.name}-{self.seed}.npy"


def splits(salt: str) -> dict[str, pd.DataFrame]:
    """The whole corpus, split anew by the stage's own rule with another salt."""
    settings = params.load().prepare.model_copy(update={"salt": salt})
    tables = [read_table(PREPARED / f"{name}.parquet", "dvc repro prepare") for name in corpus.SPLITS]
    whole = pd.concat(tables, ignore_index=True)
    where = whole["document"].map(lambda document: corpus.split_of(document, settings))
    return {name: whole[where == name].reset_index(drop=True) for name in corpus.SPLITS}


def drawn(table: pd.DataFrame, task: Task, generator: np.random.Generator) -> pd.DataFrame:
    """The rows of a draw of the documents, as many as the recipe says, their ratings turned as it says."""
    recipe = task.recipe
    rows_of = list(table.groupby("document", sort=True).indices.values())
    share = recipe.documents * (1 if task.draw == "bootstrap" else SUBSAMPLE)
    chosen = generator.choice(len(rows_of), round(len(rows_of) * share), replace=task.draw == "bootstrap")
    sample = table.iloc[np.concatenate([rows_of[i] for i in chosen])].reset_index(drop=True)
    inside = (sample["domain"] == recipe.domain) | (recipe.domain is None)
    turned = (inside & (generator.random(len(sample)) < recipe.turned)).to_numpy(dtype=bool)
    opposite = sample["label"].map({"negative": "positive", "neutral": "neutral", "positive": "negative"})
    return sample.assign(
        valence=sample["valence"].where(~turned, -sample["valence"]), label=sample["label"].where(~turned, opposite)
    )


def train(task: Task) -> None:
    """Train one model and keep its probabilities for the test sentences, (n, 3) in the order of `splits`."""
    if task.path.exists():
        return
    settings = params.load()
    tables = splits(task.salt)
    generator = np.random.default_rng([task.seed, *task.recipe.name.encode()])
    parts = [drawn(tables[name], task, generator) for name in ("train", "validation")]
    encoder = features.fit(parts[0]["text"].tolist(), settings.featurize)
    data = [Data(encoder.transform(part["text"]), _labels(part), part["valence"].to_numpy()) for part in parts]
    model = fit(settings.train.model_copy(update={"seed": task.seed}), data[0], data[1]).model
    probabilities = model.probabilities(encoder.transform(tables["test"]["text"]))
    with replacing(task.path) as partial, partial.open("wb") as file:
        np.save(file, probabilities.astype(np.float32))


def _labels(table: pd.DataFrame) -> npt.NDArray[np.str_]:
    return table["label"].to_numpy(dtype=np.str_)


def train_all(tasks: Iterable[Task]) -> None:
    """Train what is not there yet, a process a core."""
    missing = [task for task in tasks if not task.path.exists()]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(tqdm(pool.map(train, missing), total=len(missing), desc="models", disable=None))


def predictions(task: Task, test: pd.DataFrame) -> pd.DataFrame:
    """The kept predictions for the test sentences of its split, as a table like data/predictions/test.parquet."""
    probabilities = np.load(task.path, allow_pickle=False).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth = test[["id", "document", "domain", "label", "valence"]]
    return truth.assign(**dict(zip(LABELS, probabilities.T, strict=True)))
