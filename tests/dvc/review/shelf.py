"""Experiments as DVC keeps them, made by hand: commits under refs/exps, and predictions in the cache."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.conftest import small_params
from tests.dvc.pipeline.clone import Clone
from tests.unit.review.predictions import predicted, truth
from verdict.base.documents import dump
from verdict.base.files import write_table
from verdict.classifier.scores.predictions import SCHEMA, TRUTH_SCHEMA
from verdict.experiments.leaderboard.predictions import by_domain

DOMAINS = {"tweets": 30, "movies": 30, "products": 12, "news": 12}
SENTENCES = truth(np.random.default_rng(1), DOMAINS)
TEST_SCORE = 0.987654


def model(noise: float, seed: int = 1, table: pd.DataFrame = SENTENCES) -> pd.DataFrame:
    """Predictions of a model that is the worse, the more noise it sees through."""
    return predicted(table, np.random.default_rng(seed), noise)


@dataclass(frozen=True)
class Shelf:
    """A repository with nothing but params, a lock and experiments."""

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
    ) -> dict[str, bytes]:
        """The files of an experiment; `files` replaces them one by one, None takes one away."""
        scores = by_domain(predictions)
        n = {"n": len(predictions)}
        told = {
            "overall": {"weighted_f1": round(scores["overall"], 6), **n},
            "domains": {key: {"weighted_f1": round(v, 6), **n} for key, v in scores.items() if key != "overall"},
        }
        seeds = {"values": {"1": round(scores["overall"], 6)}, "mean": 0, "std": 0}
        test = {**told, "overall": {"weighted_f1": TEST_SCORE, **n}}
        document = small_params()
        document["train"]["linear"].update(params or {})
        cost = {"experiment": name, "seconds": seconds, "device": "x86", "sentences_per_second": 1234.5}
        made = {
            "params.yaml": dump(document).encode(),
            "dvc.lock": lock(validation or self.validation, digest),
            "metrics/validation.json": json.dumps({**told, "seeds": seeds}).encode(),
            "metrics/evaluation.json": json.dumps(test).encode(),
            "metrics/cost.json": json.dumps(cost if seconds else {}).encode(),
        }
        return {path: text for path, text in {**made, **(files or {})}.items() if text is not None}

    def commit(self, name: str, content: Mapping[str, bytes]) -> str:
        """An experiment with these files and no others."""
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
        """A folder with predictions in the cache."""
        path = self.clone.path / "made.parquet"
        write_table(path, predictions, SCHEMA)
        digest = self.put(path.read_bytes())
        path.unlink()
        return self.put(json.dumps([{"md5": digest, "relpath": "predictions.parquet"}]).encode(), ".dir")

    def put(self, content: bytes, kind: str = "") -> str:
        """An object in the cache, by its hash."""
        digest = hashlib.md5(content).hexdigest() + kind
        path = self.clone.path / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return digest


def lock(validation: str, predictions: str) -> bytes:
    """A dvc.lock with the two outputs that are asked for."""
    outs = [
        {"path": "data/prepared/validation.parquet", "md5": validation},
        {"path": "data/validation", "md5": predictions},
    ]
    return dump({"schema": "2.0", "stages": {"all": {"cmd": "x", "outs": outs}}}).encode()


def shelf(path: Path) -> Shelf:
    """An empty one, with the sentences of `SENTENCES` as its validation split."""
    (path / ".dvc").mkdir(parents=True)
    (path / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    (path / ".dvc/.gitignore").write_text("/cache\n/tmp\n", encoding="utf-8")
    clone = Clone(path)
    document = small_params()
    document["gate"]["resamples"] = 1000
    clone.write_params(document)
    made = Shelf(clone, "", "")
    write_table(path / "made.parquet", SENTENCES, TRUTH_SCHEMA)
    validation = made.put((path / "made.parquet").read_bytes())
    (path / "made.parquet").unlink()
    (path / "dvc.lock").write_bytes(lock(validation, "0" * 32 + ".dir"))
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.commit("Main")
    return Shelf(clone, clone.run("git", "rev-parse", "HEAD").strip(), validation)
