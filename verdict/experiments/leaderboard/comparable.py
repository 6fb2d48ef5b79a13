"""Find the experiments that can be compared: readable ones, on the same rows and classes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.description import Dataset
from verdict.experiments.leaderboard import records
from verdict.experiments.leaderboard.experiments import Experiment, Files
from verdict.experiments.leaderboard.predictions import Cache, Predictions
from verdict.experiments.leaderboard.records import Record
from verdict.repo.revisions import checked_hash
from verdict.review.params import Gate
from verdict.review.words import first_few

Value = TypeVar("Value")
ELSEWHERE, BROKEN, ABSENT = "elsewhere", "broken", "absent"


@dataclass(frozen=True)
class Unranked:
    """An experiment that is not ranked, and why: on other data (with its score), broken, or missing."""

    experiment: Experiment
    kind: str
    reason: str
    score: float | None = None


@dataclass(frozen=True)
class Yardstick:
    """The standard of the ranking: a metric, the validation rows, and the bootstrap of the policy.

    `validation` is the hash of the rows, None for those that most experiments have; `dataset` has their classes and
    slices, None for the classes of most experiments.
    """

    headline: str
    policy: Gate
    validation: str | None = None
    dataset: Dataset | None = None


def read_records(
    files: Files, experiments: Iterable[Experiment], headline: str, unranked: list[Unranked]
) -> Iterator[Record]:
    """Read the experiments; those that cannot be read are added to `unranked`."""
    for experiment in experiments:
        try:
            yield records.read(files, experiment, headline)
        except VerdictError as error:
            unranked.append(_broken(experiment, error))


def _broken(experiment: Experiment, error: VerdictError) -> Unranked:
    return Unranked(experiment, BROKEN, f"{error.where}: {error.what}")


def elsewhere(record: Record, reason: str) -> Unranked:
    """An experiment with a score on other data."""
    return Unranked(record.experiment, ELSEWHERE, reason, record.scores.overall)


def comparable_predictions(
    cache: Cache, same_rows: Sequence[Record], by: Yardstick, unranked: list[Unranked]
) -> dict[Experiment, Predictions]:
    """The predictions for the rows and classes of the data, or of most experiments; others go to `unranked`."""
    candidates = list(_in_cache(cache, same_rows, by.headline, unranked))
    prints = [_fingerprint(predictions.truth) for _, predictions in candidates]
    truth = cache.truth(checked_hash(by.validation, "dvc.lock")) if by.validation else None
    expected = _fingerprint(truth) if truth is not None else most_frequent(prints)
    labels = by.dataset.labels if by.dataset else most_frequent(predictions.labels for _, predictions in candidates)
    comparable = {}
    for (record, predictions), fingerprint in zip(candidates, prints, strict=True):
        if fingerprint != expected:
            reason = "its predictions are not for the validation rows that its dvc.lock names, row for row"
            unranked.append(Unranked(record.experiment, BROKEN, reason))
        elif predictions.labels != labels:
            unranked.append(elsewhere(record, f"scored on other classes: {first_few(predictions.labels)}"))
        else:
            comparable[record.experiment] = predictions
    return comparable


def _in_cache(
    cache: Cache, same_rows: Sequence[Record], headline: str, unranked: list[Unranked]
) -> Iterator[tuple[Record, Predictions]]:
    for record in same_rows:
        try:
            predictions = cache.predictions(record, headline)
        except VerdictError as error:
            unranked.append(_broken(record.experiment, error))
            continue
        if predictions is not None:
            yield record, predictions


def _fingerprint(truth: pd.DataFrame) -> bytes:
    """The same bytes for the same truth in the same order, and for nothing else."""
    rows = pd.util.hash_pandas_object(truth, index=False).to_numpy().tobytes()
    return ",".join(truth.columns).encode() + bytes(rows)


def most_frequent(values: Iterable[Value]) -> Value | None:
    """The most frequent value; the first if there are several."""
    return next((value for value, _ in Counter(values).most_common(1)), None)
