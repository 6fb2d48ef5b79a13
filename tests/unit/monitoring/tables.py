"""Made-up tables of two slices, `news` and `songs`, whose words differ, with answers."""

from pathlib import Path

import numpy as np
import pandas as pd

from verdict.classifier.dataset.description import Dataset
from verdict.classifier.dataset.text import Text
from verdict.monitoring.reference import Reference
from verdict.monitoring.reference.building import build

SLICES = ("news", "songs")
_WORDS = {"news": [f"paper{number}" for number in range(40)], "songs": [f"tune{number}" for number in range(40)]}
_COMMON = ["the", "a", ",", "of"]
DATASET = Dataset(labels=("bad", "good"), slice="kind", slices=SLICES, text=Text(max_length=100))
SCORES = {"overall": {"macro_f1": 0.75, "accuracy": 0.76}, "slices": {"news": {"macro_f1": 0.6, "accuracy": 0.61}}}


def texts(slice_name: str, rows: int, seed: int) -> list[str]:
    """Texts of six words, of which half are words of the slice alone."""
    draw = np.random.default_rng([seed, SLICES.index(slice_name)])
    own = draw.choice(_WORDS[slice_name], (rows, 3))
    return [" ".join([*row, *draw.choice(_COMMON, 3)]) for row in own]


def table(rows: int, seed: int, group: int = 1) -> pd.DataFrame:
    """So many rows of each slice; `group` rows share a group."""
    made = [
        {"id": f"{name}-{seed}-{number}", "group": f"{name}-{seed}-{number // group}", "slice": name, "text": text}
        for name in SLICES
        for number, text in enumerate(texts(name, rows, seed))
    ]
    return pd.DataFrame(made)


def add_answers(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Add an answer to each row: three of four are good, with all confidences from 0.5; four of five are true."""
    draw = np.random.default_rng(seed)
    sure, good = draw.uniform(0.5, 1.0, len(rows)), draw.random(len(rows)) < 0.75
    label = np.where(good == (draw.random(len(rows)) < 0.8), "good", "bad")
    said = {"bad": np.where(good, 1 - sure, sure), "good": np.where(good, sure, 1 - sure)}
    return rows.drop(columns="text").assign(label=label, **said)


def make_reference(
    folder: Path, train: pd.DataFrame, validation: pd.DataFrame, dataset: Dataset = DATASET
) -> Reference:
    """Write the tables, and build their reference."""
    train.to_parquet(folder / "train.parquet")
    validation.to_parquet(folder / "validation.parquet")
    add_answers(validation).to_parquet(folder / "predictions.parquet")
    return build_reference(folder, folder / "predictions.parquet", dataset)


def build_reference(folder: Path, predictions: Path, dataset: Dataset = DATASET) -> Reference:
    """Build the reference of the tables in a folder."""
    return build(
        dataset,
        train=folder / "train.parquet",
        validation=folder / "validation.parquet",
        predictions=predictions,
        scores=SCORES,
        headline="macro_f1",
    )
