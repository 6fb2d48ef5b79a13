"""Models that are really trained, for the calibration of the gate: on resampled training data, whole or damaged.

One *split* is the whole corpus split anew by `prepare.salt`. In each, models are trained on a draw of the training
documents (and so for validation), each with a seed of its own, features and all; a damaged one learns from fewer
documents, or from sentences whose rating was turned round. Only their predictions are kept, for that split's test
sentences and for the validation sentences that were drawn, so that a second start goes on where the first ended.
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

from verdict.base.files import read_table, replacing
from verdict.classifier import params
from verdict.classifier.dataset import splits as corpus
from verdict.classifier.features import tfidf
from verdict.classifier.scores.predictions import with_probabilities
from verdict.classifier.training.fit import fit
from verdict.classifier.training.loop import Data

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

    @property
    def on_validation(self) -> Path:
        """Where those for the sentences that stopped its training are kept, which it had not learnt from then."""
        return self.path.with_suffix(".validation.npy")


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
    parts = learnt_from(task, tables)
    encoder = tfidf.fit(parts[0]["text"].tolist(), settings.featurize)
    data = [Data(encoder.transform(part["text"]), _labels(part), part["valence"].to_numpy()) for part in parts]
    fitted = fit(settings.train.model_copy(update={"seed": task.seed}), data[0], data[1])
    # The one that says that the model is whole comes last.
    found = {task.on_validation: fitted.validation}
    found[task.path] = fitted.model.probabilities(encoder.transform(tables["test"]["text"]))
    for path, probabilities in found.items():
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, probabilities.astype(np.float32))


def learnt_from(task: Task, tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sentences of the split that the model was trained on, and those that stopped its training."""
    generator = np.random.default_rng([task.seed, *task.recipe.name.encode()])
    return drawn(tables["train"], task, generator), drawn(tables["validation"], task, generator)


def _labels(table: pd.DataFrame) -> npt.NDArray[np.str_]:
    return table["label"].to_numpy(dtype=np.str_)


def train_all(tasks: Iterable[Task]) -> None:
    """Train what is not there yet, a process a core."""
    missing = [task for task in tasks if not task.path.exists()]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(tqdm(pool.map(train, missing), total=len(missing), desc="models", disable=None))


def predictions(task: Task, test: pd.DataFrame) -> pd.DataFrame:
    """The kept predictions for the test sentences of its split, as a table like data/predictions/test.parquet."""
    return _kept(task.path, test)


def predictions_on_validation(task: Task, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The kept predictions for the sentences that stopped its training, like data/validation/predictions.parquet."""
    return _kept(task.on_validation, learnt_from(task, tables)[1])


def _kept(path: Path, truth: pd.DataFrame) -> pd.DataFrame:
    probabilities = np.load(path, allow_pickle=False).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    table: pd.DataFrame = with_probabilities(truth, probabilities).to_pandas()
    return table
