"""Predictions on the validation split, from DVC's cache: an experiment's score is what its predictions say."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.base.paths import SEED
from verdict.classifier.dataset.description import Dataset, read_dataset, select_truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import labels_of, metrics_by_slice, probability_columns
from verdict.experiments.leaderboard.records import PREDICTIONS, VALIDATION, Record
from verdict.repo.lock.contents import hash_of
from verdict.repo.revisions import Store, checked_hash
from verdict.review.metrics_file import SCORES
from verdict.review.reported_metrics import TOLERANCE
from verdict.review.words import counted, title

_PLACE = "/".join(PREDICTIONS)
_AGAIN = "run the experiment again"
_MOST_BYTES, _MOST_ROWS = 500_000_000, 10_000_000
_MOST_LABELS = _MOST_SLICES = 1000


@dataclass(frozen=True)
class Predictions:
    """A table of truth and probabilities, and the classes that these are of."""

    table: pd.DataFrame
    labels: tuple[str, ...]

    @property
    def truth(self) -> pd.DataFrame:
        """What the predictions are compared with."""
        return self.table[select_truth(self.table.columns)]

    def scores(self, metric: str) -> dict[str, float]:
        """A metric overall and in each slice.

        Raises:
            VerdictError: the data do not have it.
        """
        found = metrics_by_slice(self.table, self.labels, 1, _PLACE)
        if metric not in found[OVERALL]:
            what = f"has no {metric}: there are {len(self.labels)} classes"
            raise VerdictError(_PLACE, what, "evaluate.headline: another metric")
        return {name: figures[metric] for name, figures in found.items()}


@dataclass(frozen=True)
class Cache:
    """The objects of this clone's cache, by hash; nothing is asked of a remote."""

    store: Store

    def predictions(self, record: Record, headline: str) -> Predictions | None:
        """The predictions that an experiment's lock names, checked; None when they are not in the cache.

        Raises:
            VerdictError: they are not predictions, or the experiment's scores are not theirs.
        """
        members = self._members(record.predictions)
        path = self._object(members[PREDICTIONS[1]]) if members else None
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
        """The rows of a hash, their labels, and nothing else; None when they are not here."""
        path = self._object(digest) or self._own(VALIDATION, digest)
        if path is None:
            return None
        return read_table(path, "dvc repro prepare", select_truth(pq.read_schema(path).names))

    def dataset(self, path: str, digest: str) -> Dataset | None:
        """The classes and slices of a hash; None when they are not here."""
        found = self._object(digest) or self._own(path, digest)
        return read_dataset(found) if found else None

    @cached_property
    def _root(self) -> Path:
        return self.store.root

    def _own(self, name: str, digest: str) -> Path | None:
        path = self._root / name
        return path if path.is_file() and hash_of(path) == digest else None

    def _members(self, digest: str) -> dict[str, str]:
        """The hash of each file of a folder with predictions; none where its listing is not in the cache."""
        if not digest.endswith(".dir"):
            raise VerdictError(PREDICTIONS[0], "not a folder", _AGAIN)
        listing = self._object(digest)
        if listing is None:
            return {}
        try:
            members = {
                entry["relpath"]: checked_hash(entry["md5"], _PLACE) for entry in json.loads(listing.read_bytes())
            }
        except (ValueError, TypeError, KeyError):
            members = {}
        if PREDICTIONS[1] not in members:
            raise VerdictError(PREDICTIONS[0], f"has no file {PREDICTIONS[1]}", _AGAIN)
        return members

    def _object(self, digest: str) -> Path | None:
        """An object of the cache; one with other bytes than its name says counts as not there."""
        path = Path(self.store.repo.cache.local.oid_to_path(digest))
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        return path if hash_of(path) == digest.removesuffix(".dir") else None


def _read(path: Path) -> Predictions:
    """The predictions, with the truth beside them, as every statistic here needs them."""
    try:
        labels = _labels(path)
        columns = pq.read_schema(path).names
        table = read_table(path, _AGAIN, [*select_truth(columns), *probability_columns(labels)])
    except VerdictError as error:
        raise VerdictError(_PLACE, error.what.replace(str(path), _PLACE), _AGAIN) from None
    except Exception as error:  # pyarrow has many ways to refuse what is not parquet
        raise VerdictError(_PLACE, f"not readable as parquet: {' '.join(str(error).split())}", _AGAIN) from None
    if reason := _unsound(table, labels):
        raise VerdictError(_PLACE, reason, _AGAIN)
    return Predictions(table, labels)


def _labels(path: Path) -> tuple[str, ...]:
    """The classes of a file, once its rows and columns are known to be few enough to be read."""
    rows, schema = pq.read_metadata(path).num_rows, pq.read_schema(path)
    if rows > _MOST_ROWS:
        raise VerdictError(_PLACE, f"{rows:,} rows", _AGAIN)
    if absent := [name for name in ("id", "group", "label") if name not in schema.names]:
        raise VerdictError(_PLACE, f"missing columns: {', '.join(absent)}", _AGAIN)
    labels = labels_of(schema.names)
    if not 2 <= len(labels) <= _MOST_LABELS or len({*schema.names}) < len(schema.names):
        raise VerdictError(_PLACE, f"{len(labels)} columns of classes, or a column twice", _AGAIN)
    if odd := [name for name in probability_columns(labels) if name not in schema.names or not _is_float(schema, name)]:
        raise VerdictError(_PLACE, f"no column of probabilities: {odd[0]!r:.80}", _AGAIN)
    return labels


def _is_float(schema: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_floating(schema.field(name).type))


def _unsound(table: pd.DataFrame, labels: tuple[str, ...]) -> str:
    """Why a table is none of predictions; empty where it is one."""
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


def _require_scores(record: Record, found: dict[str, float]) -> None:
    """Figures that somebody wrote into the file have no place on the table."""
    told = {OVERALL: record.scores.overall, **record.scores.slices}
    if set(told) != set(found):
        raise VerdictError(SCORES, "has other slices than its predictions", _AGAIN)
    for name, value in found.items():
        if abs(told[name] - value) > TOLERANCE:
            what = f"{name}: {told[name]:.6f}, but its own predictions give {value:.6f}"
            raise VerdictError(SCORES, what, _AGAIN)


def _require_seeds(record: Record, values: Sequence[float], headline: str) -> None:
    """Mean and spread over the seeds are those of the predictions of each."""
    mean, std = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    told = record.seeds
    if told.count != len(values) or abs(told.mean - mean) > TOLERANCE or abs(told.std - std) > TOLERANCE:
        said = told.text(title(headline))
        what = f"{said}; but there are predictions of {counted(len(values), 'seed')}: {mean:.6f} ± {std:.6f}"
        raise VerdictError(SCORES, what, _AGAIN)
