"""Predictions on the validation split, from DVC's cache: an experiment's scores must be those of its predictions."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.base.paths import SEED, VALIDATION_METRICS, VALIDATION_PREDICTIONS, VALIDATION_SPLIT
from verdict.classifier.dataset.description import Dataset, read_dataset, select_truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import labels_of, metrics_by_slice, probability_columns
from verdict.experiments.leaderboard.records import Record
from verdict.repo.lock.contents import hash_of
from verdict.repo.revisions import Store, checked_hash
from verdict.review.reported_metrics import TOLERANCE
from verdict.review.words import counted, title

_PLACE = "/".join(VALIDATION_PREDICTIONS)
_REMEDY = "run the experiment again"
_MOST_BYTES, _MOST_ROWS = 500_000_000, 10_000_000
_MOST_LABELS = _MOST_SLICES = 1000


@dataclass(frozen=True)
class Predictions:
    """A table of truth and probabilities, and its classes."""

    table: pd.DataFrame
    labels: tuple[str, ...]

    @property
    def truth(self) -> pd.DataFrame:
        """The columns of the true values."""
        return self.table[select_truth(self.table.columns)]

    def scores(self, metric: str) -> dict[str, float]:
        """A metric overall and in each slice.

        Raises:
            VerdictError: the data do not have it.
        """
        scores = metrics_by_slice(self.table, self.labels, 1, _PLACE)
        if metric not in scores[OVERALL]:
            what = f"has no {metric}: there are {len(self.labels)} classes"
            raise VerdictError(_PLACE, what, "evaluate.headline: another metric")
        return {name: figures[metric] for name, figures in scores.items()}


@dataclass(frozen=True)
class Cache:
    """The objects of this clone's cache, by hash. It never asks a remote."""

    store: Store

    def predictions(self, record: Record, headline: str) -> Predictions | None:
        """Read and check the predictions that an experiment's lock names; None if they are not in the cache.

        Raises:
            VerdictError: the file is wrong, or the experiment's scores are not those of its predictions.
        """
        members = self._members(record.predictions)
        path = self._object(members[VALIDATION_PREDICTIONS[1]]) if members else None
        if path is None:
            return None
        first = _read(path)
        scores = first.scores(headline)
        _require_scores(record, scores)
        further = [self._object(digest) for name, digest in sorted(members.items()) if SEED.fullmatch(name)]
        if None in further:
            return None
        others = (_read(path).scores(headline)[OVERALL] for path in further if path)
        _require_seeds(record, [scores[OVERALL], *others], headline)
        return first

    def truth(self, digest: str) -> pd.DataFrame | None:
        """The ids and labels of the validation rows with a hash; None if they are not here."""
        path = self._object(digest) or self._in_tree(VALIDATION_SPLIT, digest)
        if path is None:
            return None
        return read_table(path, "dvc repro prepare", select_truth(pq.read_schema(path).names))

    def dataset(self, path: str, digest: str) -> Dataset | None:
        """The classes and slices of the dataset with a hash; None if it is not here."""
        file = self._object(digest) or self._in_tree(path, digest)
        return read_dataset(file) if file else None

    def _in_tree(self, name: str, digest: str) -> Path | None:
        path = self.store.root / name
        return path if path.is_file() and hash_of(path) == digest else None

    def _members(self, digest: str) -> dict[str, str]:
        """The hash of each file of a folder with predictions; empty if its listing is not in the cache."""
        if not digest.endswith(".dir"):
            raise VerdictError(VALIDATION_PREDICTIONS[0], "not a folder", _REMEDY)
        listing = self._object(digest)
        if listing is None:
            return {}
        try:
            members = {
                entry["relpath"]: checked_hash(entry["md5"], _PLACE) for entry in json.loads(listing.read_bytes())
            }
        except (ValueError, TypeError, KeyError):
            members = {}
        if VALIDATION_PREDICTIONS[1] not in members:
            raise VerdictError(VALIDATION_PREDICTIONS[0], f"has no file {VALIDATION_PREDICTIONS[1]}", _REMEDY)
        return members

    def _object(self, digest: str) -> Path | None:
        """The path of an object; None if it is missing, too large, or its content does not match its hash."""
        path = Path(self.store.repo.cache.local.oid_to_path(digest))
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        return path if hash_of(path) == digest.removesuffix(".dir") else None


def _read(path: Path) -> Predictions:
    """Read predictions and the truth beside them."""
    try:
        labels = _labels(path)
        columns = pq.read_schema(path).names
        table = read_table(path, _REMEDY, [*select_truth(columns), *probability_columns(labels)])
    except VerdictError as error:
        raise VerdictError(_PLACE, error.what.replace(str(path), _PLACE), _REMEDY) from None
    except Exception as error:  # pyarrow has many ways to refuse what is not parquet
        raise VerdictError(_PLACE, f"not readable as parquet: {' '.join(str(error).split())}", _REMEDY) from None
    if reason := _unsound(table, labels):
        raise VerdictError(_PLACE, reason, _REMEDY)
    return Predictions(table, labels)


def _labels(path: Path) -> tuple[str, ...]:
    """The classes of a file, after checking that it has few enough rows and the right columns."""
    rows, schema = pq.read_metadata(path).num_rows, pq.read_schema(path)
    if rows > _MOST_ROWS:
        raise VerdictError(_PLACE, f"{rows:,} rows", _REMEDY)
    if absent := [name for name in ("id", "group", "label") if name not in schema.names]:
        raise VerdictError(_PLACE, f"missing columns: {', '.join(absent)}", _REMEDY)
    labels = labels_of(schema.names)
    if not 2 <= len(labels) <= _MOST_LABELS or len({*schema.names}) < len(schema.names):
        raise VerdictError(_PLACE, f"{len(labels)} columns of classes, or a column twice", _REMEDY)
    if odd := [name for name in probability_columns(labels) if name not in schema.names or not _is_float(schema, name)]:
        raise VerdictError(_PLACE, f"no column of probabilities: {odd[0]!r:.80}", _REMEDY)
    return labels


def _is_float(schema: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_floating(schema.field(name).type))


def _unsound(table: pd.DataFrame, labels: tuple[str, ...]) -> str:
    """The reason why a table cannot be one of predictions; empty if it can."""
    if table.empty:
        return "no rows"
    if not _adds_up(table, probability_columns(labels)):
        return "a probability or rating that is none"
    parts = set(table["slice"]) if "slice" in table else set()
    if not table["label"].isin(labels).all() or OVERALL in parts or len(parts) > _MOST_SLICES:
        return "labels or slices that are none"
    return ""


def _adds_up(table: pd.DataFrame, columns: Sequence[str]) -> bool:
    try:
        values = table[list(columns)].to_numpy(dtype=np.float64)
        sound = np.isfinite(values).all() and (values >= 0).all() and (np.abs(values.sum(axis=1) - 1) < 1e-4).all()
        rated = "rating" not in table or np.isfinite(table["rating"].to_numpy(dtype=np.float64)).all()
    except (ValueError, TypeError):
        return False
    return bool(sound and rated)


def _require_scores(record: Record, computed: dict[str, float]) -> None:
    """Refuse scores that are not those of the predictions."""
    claimed = {OVERALL: record.scores.overall, **record.scores.slices}
    if set(claimed) != set(computed):
        raise VerdictError(VALIDATION_METRICS, "has other slices than its predictions", _REMEDY)
    for name, value in computed.items():
        if abs(claimed[name] - value) > TOLERANCE:
            what = f"{name}: {claimed[name]:.6f}, but its own predictions give {value:.6f}"
            raise VerdictError(VALIDATION_METRICS, what, _REMEDY)


def _require_seeds(record: Record, values: Sequence[float], headline: str) -> None:
    """Refuse a mean and a spread over the seeds that are not those of their predictions."""
    mean, std = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    claimed, count = record.seeds, len(values)
    if claimed.count != count or abs(claimed.mean - mean) > TOLERANCE or abs(claimed.std - std) > TOLERANCE:
        computed = f"there are predictions of {counted(count, 'seed')}: {mean:.6f} ± {std:.6f}"
        what = f"{claimed.text(title(headline))}; but {computed}"
        raise VerdictError(VALIDATION_METRICS, what, _REMEDY)
