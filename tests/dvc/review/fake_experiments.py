"""Experiments without runs: commits under refs/exps, and predictions in the cache, as DVC keeps them."""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.conftest import small_params
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.tampering import cache_path
from tests.unit.review.predictions import LABELS, predicted, truth
from verdict.base.documents import dump
from verdict.base.files import write_table
from verdict.classifier.dataset.description import Dataset, Limits, select_truth, write_dataset
from verdict.classifier.dataset.text import Text
from verdict.classifier.scores.predictions import (
    labels_of,
    metrics_by_slice,
    metrics_document,
    probability_columns,
    table_schema,
)

SLICES = {"shop": 30, "forum": 30, "mail": 12, "chat": 12}
ROWS = truth(np.random.default_rng(1), SLICES)
TEST_SCORE = 0.987654


def model(noise: float, seed: int = 1, table: pd.DataFrame = ROWS) -> pd.DataFrame:
    """Predictions of a model that is worse with more noise."""
    return predicted(table, np.random.default_rng(seed), noise)


@dataclass(frozen=True)
class FakeExperiments:
    """A repository with params, a lock and experiments, and no code."""

    clone: Clone
    baseline: str
    validation: str

    def add(self, name: str, predictions: pd.DataFrame, **options: Any) -> str:  # noqa: ANN401 - see `content`
        """Make an experiment and return its commit; `cached=False` leaves its predictions out of the cache."""
        cached = options.pop("cached", True)
        digest = self.put_predictions(predictions) if cached else hashlib.md5(name.encode()).hexdigest() + ".dir"
        return self.commit(name, self.content(name, predictions, digest, **options))

    def content(
        self,
        name: str,
        predictions: pd.DataFrame,
        digest: str,
        *,
        params: Mapping[str, Any] | None = None,
        validation: str | None = None,
        seconds: float | None = 10.0,
        files: Mapping[str, bytes | None] | None = None,
        headline: str = "weighted_f1",
    ) -> dict[str, bytes]:
        """The files of an experiment; `files` replaces some, None removes one."""
        labels = labels_of(predictions.columns)
        scores = metrics_document(metrics_by_slice(predictions, labels, 1), labels)
        overall = scores["overall"][headline]
        seeds = {"values": {"1": overall}, "mean": 0, "std": 0}
        test = {**scores, "overall": {**scores["overall"], "weighted_f1": TEST_SCORE}}
        document = small_params()
        document["train"]["linear"].update(params or {})
        cost = {"experiment": name, "seconds": seconds, "device": "x86", "rows_per_second": 1234.5}
        contents = {
            "params.yaml": dump(document).encode(),
            "dvc.lock": lock(validation or self.validation, digest),
            "metrics/validation.json": json.dumps({**scores, "seeds": seeds}).encode(),
            "metrics/evaluation.json": json.dumps(test).encode(),
            "metrics/cost.json": json.dumps(cost if seconds else {}).encode(),
        }
        return {path: text for path, text in {**contents, **(files or {})}.items() if text is not None}

    def commit(self, name: str, content: Mapping[str, bytes]) -> str:
        """Make an experiment with exactly these files; return its commit."""
        ref = f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}/{name}"
        stream = [
            f"commit {ref}\ncommitter T <t@localhost> 0 +0000\ndata 0\nfrom {self.baseline}\ndeleteall\n".encode()
        ]
        stream += [
            f"M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n" for path, text in content.items()
        ]
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"], cwd=self.clone.path, check=True, input=b"".join(stream)
        )
        return self.clone.run("git", "rev-parse", ref).strip()

    def put_predictions(self, predictions: pd.DataFrame) -> str:
        """Put a folder with predictions into the cache; return its hash."""
        path = self.clone.path / "made.parquet"
        write_table(path, predictions, table_schema(select_truth(predictions.columns), labels_of(predictions.columns)))
        digest = self.put(path.read_bytes())
        path.unlink()
        return self.put(json.dumps([{"md5": digest, "relpath": "predictions.parquet"}]).encode(), ".dir")

    def put(self, content: bytes, kind: str = "") -> str:
        """Put an object into the cache; return its hash."""
        digest = hashlib.md5(content).hexdigest() + kind
        path = cache_path(self.clone, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return digest


def described(rows: pd.DataFrame, labels: tuple[str, ...], named: str) -> Dataset:
    """The dataset.json of a table."""
    slices = tuple(dict.fromkeys(rows["slice"])) if "slice" in rows else ()
    rating = Limits(low=-4.0, high=4.0) if "rating" in rows else None
    return Dataset(
        labels=labels, slice=named if slices else None, slices=slices, rating=rating, text=Text(max_length=100)
    )


def lock(validation: str, predictions: str, dataset: str = "") -> bytes:
    """A dvc.lock with these outputs."""
    outs = [
        {"path": "data/prepared/validation.parquet", "md5": validation},
        {"path": "data/validation", "md5": predictions},
        *([{"path": "data/prepared/dataset.json", "md5": dataset}] if dataset else []),
    ]
    return dump({"schema": "2.0", "stages": {"all": {"cmd": "x", "outs": outs}}}).encode()


def make_experiments(
    path: Path,
    rows: pd.DataFrame = ROWS,
    labels: tuple[str, ...] = LABELS,
    headline: str = "weighted_f1",
    named: str = "source",
) -> FakeExperiments:
    """A repository without experiments, with these rows as its validation split."""
    (path / ".dvc").mkdir(parents=True)
    (path / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    (path / ".dvc/.gitignore").write_text("/cache\n/tmp\n", encoding="utf-8")
    clone = Clone(path)
    document = small_params()
    document["gate"]["resamples"] = 1000
    document["evaluate"]["headline"] = headline
    clone.write_params(document)
    experiments = FakeExperiments(clone, "", "")
    write_table(path / "made.parquet", rows, table_schema(select_truth(rows.columns)))
    validation = experiments.put((path / "made.parquet").read_bytes())
    (path / "made.parquet").unlink()
    write_dataset(path / "made.json", described(rows, labels, named))
    dataset = experiments.put((path / "made.json").read_bytes())
    (path / "made.json").unlink()
    (path / "dvc.lock").write_bytes(lock(validation, "0" * 32 + ".dir", dataset))
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.commit("Main")
    return FakeExperiments(clone, clone.run("git", "rev-parse", "HEAD").strip(), validation)


def plain_rows(labels: tuple[str, ...], size: int = 200, slices: Sequence[str] = ()) -> pd.DataFrame:
    """Rows without ratings, in equal numbers of each class, and of each slice, if any."""
    ids = [f"row-{number}" for number in range(size)]
    rows = {"id": ids, "group": ids, "label": [labels[number % len(labels)] for number in range(size)]}
    return pd.DataFrame({**rows, **({"slice": [slices[n % len(slices)] for n in range(size)]} if slices else {})})


def guesses(rows: pd.DataFrame, labels: tuple[str, ...], right: float, seed: int = 1) -> pd.DataFrame:
    """Predictions that are right for this share of the rows, and wrong for the others."""
    generator = np.random.default_rng(seed)
    places = rows["label"].map(labels.index).to_numpy()
    places = np.where(generator.random(len(rows)) < right, places, (places + 1) % len(labels))
    values = np.eye(len(labels))[places] * 0.5 + 0.5 / len(labels)
    return rows.assign(**dict(zip(probability_columns(labels), values.T, strict=True)))
