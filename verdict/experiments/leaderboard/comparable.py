"""Which experiments can be compared: readable ones, on the same rows and classes. The others are put apart."""

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

Found = TypeVar("Found")
ELSEWHERE, BROKEN, ABSENT = "elsewhere", "broken", "absent"


@dataclass(frozen=True)
class Unranked:
    """An experiment that is not ranked: on other data (with its score), broken, or not there; and why."""

    experiment: Experiment
    kind: str
    reason: str
    score: float | None = None


@dataclass(frozen=True)
class Yardstick:
    """What experiments are ranked by: a metric, on data, with the bootstrap that the policy names.

    `validation` is the hash of the rows that count, None for those that most experiments have; `dataset` their classes
    and slices, None for the classes of most.
    """

    headline: str
    policy: Gate
    validation: str | None = None
    dataset: Dataset | None = None


def readable(files: Files, experiments: Iterable[Experiment], headline: str, apart: list[Unranked]) -> Iterator[Record]:
    """What experiments claim; those that claim nothing that can be read are put apart."""
    for experiment in experiments:
        try:
            yield records.read(files, experiment, headline)
        except VerdictError as error:
            apart.append(_broken(experiment, f"{error.where}: {error.what}"))


def _broken(experiment: Experiment, reason: str) -> Unranked:
    return Unranked(experiment, BROKEN, reason)


def elsewhere(record: Record, reason: str) -> Unranked:
    """An experiment whose score is of something else."""
    return Unranked(record.experiment, ELSEWHERE, reason, record.scores.overall)


def comparable(
    cache: Cache, same: Sequence[Record], by: Yardstick, apart: list[Unranked]
) -> dict[Experiment, Predictions]:
    """The predictions that are here, for one and the same truth and classes: those of the data, or of most of them."""
    found = list(_here(cache, same, by.headline, apart))
    prints = [_print(one.truth) for _, one in found]
    truth = cache.truth(checked_hash(by.validation, "dvc.lock")) if by.validation else None
    own = _print(truth) if truth is not None else most(prints)
    labels = by.dataset.labels if by.dataset else most(one.labels for _, one in found)
    tables = {}
    for (record, one), mark in zip(found, prints, strict=True):
        if mark != own:
            what = "its predictions are not for the validation rows that its dvc.lock names, row for row"
            apart.append(_broken(record.experiment, what))
        elif one.labels != labels:
            apart.append(elsewhere(record, f"scored on other classes: {first_few(one.labels)}"))
        else:
            tables[record.experiment] = one
    return tables


def _here(
    cache: Cache, same: Sequence[Record], headline: str, apart: list[Unranked]
) -> Iterator[tuple[Record, Predictions]]:
    for record in same:
        try:
            found = cache.predictions(record, headline)
        except VerdictError as error:
            apart.append(_broken(record.experiment, f"{error.where}: {error.what}"))
            continue
        if found is not None:
            yield record, found


def _print(truth: pd.DataFrame) -> bytes:
    """The same for the same truth in the same order, and for nothing else."""
    rows = pd.util.hash_pandas_object(truth, index=False).to_numpy().tobytes()
    return ",".join(truth.columns).encode() + bytes(rows)


def most(values: Iterable[Found]) -> Found | None:
    """The most frequent value; of several the first."""
    return next((value for value, _ in Counter(values).most_common(1)), None)
