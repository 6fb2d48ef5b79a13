"""Predictions on the validation split, from DVC's cache: an experiment's score is what its predictions say."""

import json
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.base.paths import SEED
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores.metric_names import HEADLINE, OVERALL
from verdict.classifier.scores.predictions import TRUTH, by_group
from verdict.experiments.leaderboard.records import PREDICTIONS, VALIDATION, Record
from verdict.repo.lock.check import hash_of
from verdict.repo.revisions import Store, checked
from verdict.review.metrics_file import SCORES
from verdict.review.reported_metrics import TOLERANCE
from verdict.review.words import counted

_PLACE = "/".join(PREDICTIONS)
_AGAIN = "run the experiment again"
_MOST_BYTES = 500_000_000


@dataclass(frozen=True)
class Cache:
    """The objects of this clone's cache, by hash; nothing is asked of a remote."""

    store: Store

    def predictions(self, record: Record) -> pd.DataFrame | None:
        """The predictions that an experiment's lock names, checked; None when they are not in the cache.

        Raises:
            VerdictError: they are not predictions, or the experiment's scores are not theirs.
        """
        members = self._members(record.predictions)
        path = self._object(members[PREDICTIONS[1]]) if members else None
        if path is None:
            return None
        table = _table(path)
        _require_scores(record, table)
        further = [self._object(digest) for name, digest in sorted(members.items()) if SEED.fullmatch(name)]
        if None in further:
            return None
        _require_seeds(record, [table, *(_table(path) for path in further if path)])
        return table

    def truth(self, digest: str) -> pd.DataFrame | None:
        """The validation sentences of a hash, their labels, and nothing else; None when they are not here."""
        path = self._object(digest) or self._own(digest)
        return read_table(path, "dvc repro prepare", list(TRUTH)) if path else None

    @cached_property
    def _root(self) -> Path:
        return self.store.root

    def _own(self, digest: str) -> Path | None:
        path = self._root / VALIDATION
        return path if path.is_file() and hash_of(path) == digest else None

    def _members(self, digest: str) -> dict[str, str]:
        """The hash of each file of a folder with predictions; none where its listing is not in the cache."""
        if not digest.endswith(".dir"):
            raise VerdictError(PREDICTIONS[0], "not a folder", _AGAIN)
        listing = self._object(digest)
        if listing is None:
            return {}
        try:
            members = {entry["relpath"]: checked(entry["md5"], _PLACE) for entry in json.loads(listing.read_bytes())}
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


def _table(path: Path) -> pd.DataFrame:
    """The predictions, with the truth beside them, as every statistic here needs them."""
    try:
        rows = pq.read_metadata(path).num_rows
        if rows > 10_000_000:
            raise VerdictError(_PLACE, f"{rows:,} rows", _AGAIN)
        table = read_table(path, _AGAIN, [*TRUTH, *LABELS])
    except VerdictError as error:
        raise VerdictError(_PLACE, error.what.replace(str(path), _PLACE), _AGAIN) from None
    except Exception as error:  # pyarrow has many ways to refuse what is not parquet
        raise VerdictError(_PLACE, f"not readable as parquet: {' '.join(str(error).split())}", _AGAIN) from None
    try:
        values = table[list(LABELS)].to_numpy(dtype=np.float64)
        sound = np.isfinite(values).all() and (values >= 0).all() and (np.abs(values.sum(axis=1) - 1) < 1e-4).all()
        sound = sound and np.isfinite(table["valence"].to_numpy(dtype=np.float64)).all()
    except (ValueError, TypeError):
        sound = False
    if table.empty or not sound:
        raise VerdictError(_PLACE, "no rows" if table.empty else "a probability or valence that is none", _AGAIN)
    if not table["label"].isin(LABELS).all() or (table["domain"] == OVERALL).any():
        raise VerdictError(_PLACE, "labels or domains that are none", _AGAIN)
    return table


def by_domain(table: pd.DataFrame) -> dict[str, float]:
    """Weighted F1 overall and in each domain."""
    return {name: figures[HEADLINE] for name, figures in by_group(table, 1).items()}


def _require_scores(record: Record, table: pd.DataFrame) -> None:
    """Figures that somebody wrote into the file have no place on the table."""
    told = {OVERALL: record.scores.overall, **record.scores.domains}
    found = by_domain(table)
    if set(told) != set(found):
        raise VerdictError(SCORES, "has other domains than its predictions", _AGAIN)
    for name, value in found.items():
        if abs(told[name] - value) > TOLERANCE:
            what = f"{name}: {told[name]:.6f}, but its own predictions give {value:.6f}"
            raise VerdictError(SCORES, what, _AGAIN)


def _require_seeds(record: Record, tables: list[pd.DataFrame]) -> None:
    """Mean and spread over the seeds are those of the predictions of each."""
    values = [by_domain(table)[OVERALL] for table in tables]
    mean, std = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    told = record.seeds
    if told.count != len(values) or abs(told.mean - mean) > TOLERANCE or abs(told.std - std) > TOLERANCE:
        what = f"{told.text}; but there are predictions of {counted(len(values), 'seed')}: {mean:.6f} ± {std:.6f}"
        raise VerdictError(SCORES, what, _AGAIN)
