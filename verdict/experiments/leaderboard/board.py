"""The leaderboard as data: who is ranked and how sure that is, who is not and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from verdict.base.errors import VerdictError
from verdict.classifier.kinds import KINDS
from verdict.classifier.scores.predictions import TRUTH
from verdict.experiments.leaderboard import records
from verdict.experiments.leaderboard.experiments import Experiment, Files
from verdict.experiments.leaderboard.predictions import Cache
from verdict.experiments.leaderboard.ranking import SelectionBias, resampled, selection_bias, to_best
from verdict.experiments.leaderboard.records import Record
from verdict.repo.revisions import checked
from verdict.review.metrics_file import Scores
from verdict.review.params import Gate

Found = TypeVar("Found")
ELSEWHERE, BROKEN, ABSENT = "elsewhere", "broken", "absent"
# What changes no score on validation, and the seeds, which have a column of their own.
_NO_PART = ("evaluate.", "gate.", "report.", "train.seeds")


@dataclass(frozen=True)
class Stats:
    """What the predictions say: the score's interval, and the difference to the best with its own."""

    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    ties_best: bool


@dataclass(frozen=True)
class Row:
    """A ranked experiment; `measured` is None without predictions here, `values` are its params that differ."""

    rank: int
    record: Record
    measured: Stats | None
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.record.experiment.name

    @property
    def score(self) -> float:
        """Weighted F1 on validation."""
        return self.record.scores.overall


@dataclass(frozen=True)
class Unranked:
    """An experiment that is not ranked: on other sentences (with its score), broken, or not there; and why."""

    experiment: Experiment
    kind: str
    reason: str
    score: float | None = None


@dataclass(frozen=True)
class Chosen:
    """The experiment that a person chose, with its scores on test."""

    experiment: Experiment
    scores: Scores


@dataclass(frozen=True)
class Board:
    """All that is known. `keys` are the params that differ, `best` the row that differences are to."""

    rows: list[Row]
    apart: list[Unranked]
    keys: list[str]
    domains: list[str]
    sentences: int
    documents: int
    selection_bias: SelectionBias | None
    policy: Gate
    chosen: Chosen | None = None

    @property
    def best(self) -> Row | None:
        """The first of those whose predictions are here."""
        return next((row for row in self.rows if row.measured), None)

    @property
    def baselines(self) -> int:
        """On how many commits the experiments build."""
        everyone = [row.record.experiment for row in self.rows] + [one.experiment for one in self.apart]
        return len({one.baseline for one in everyone if one.baseline})


@dataclass(frozen=True)
class Asked:
    """Which experiments to show, which of them is chosen, and how to judge them."""

    experiments: Sequence[Experiment]
    absent: Sequence[Unranked] = ()
    chosen: Experiment | None = None


def board(root: Path, cache: Cache, asked: Asked, policy: Gate, validation: str | None) -> Board:
    """Rank experiments.

    Args:
        root: of the repository.
        cache: where their predictions are.
        asked: which.
        policy: confidence, resamples and seed of the bootstrap.
        validation: the hash of the validation sentences that count; None for those that most experiments have.

    Raises:
        VerdictError: the experiment that is chosen has no score on test.
    """
    wanted = [(one.commit, path) for one in asked.experiments for path in records.FILES]
    if asked.chosen:
        wanted.append((asked.chosen.commit, records.TEST_SCORES))
    files = Files(root, wanted)
    apart = list(asked.absent)
    found = list(_read(files, asked.experiments, apart))
    digest = validation or _most(record.validation for record in found)
    same = [record for record in found if record.validation == digest]
    apart.extend(_elsewhere(record) for record in found if record.validation != digest)
    tables = _same_sentences(cache, same, digest, apart)
    ranked = sorted(
        (record for record in same if record.experiment not in {one.experiment for one in apart}),
        key=lambda record: (-record.scores.overall, record.experiment),
    )
    keys = differing([record.params for record in ranked])
    measured, bias = _measure(ranked, tables, policy)
    rows = [
        Row(rank, record, measured.get(record.experiment), {key: used(record.params, key) for key in keys})
        for rank, record in enumerate(ranked, 1)
    ]
    one = next(iter(tables.values()), None)
    claimed = ranked[0].scores.domains if ranked else ()
    sizes = Counter(record.scores.n for record in ranked)
    return Board(
        rows,
        sorted(apart, key=lambda item: (item.kind, item.experiment)),
        keys,
        list(dict.fromkeys(claimed if one is None else one["domain"])),
        len(one) if one is not None else max(sizes, default=0),
        one.groupby("domain")["document"].nunique().sum() if one is not None else 0,
        bias,
        policy,
        Chosen(asked.chosen, records.scores_on_test(files, asked.chosen)) if asked.chosen else None,
    )


def _read(files: Files, experiments: Iterable[Experiment], apart: list[Unranked]) -> Iterator[Record]:
    for experiment in experiments:
        try:
            yield records.read(files, experiment)
        except VerdictError as error:
            apart.append(_broken(experiment, f"{error.where}: {error.what}"))


def _broken(experiment: Experiment, reason: str) -> Unranked:
    return Unranked(experiment, BROKEN, reason)


def _elsewhere(record: Record) -> Unranked:
    reason = "scored on other validation sentences (another split, or other data)"
    return Unranked(record.experiment, ELSEWHERE, reason, record.scores.overall)


def _same_sentences(
    cache: Cache, same: Sequence[Record], digest: str | None, apart: list[Unranked]
) -> dict[Experiment, pd.DataFrame]:
    """The predictions that are here, for one and the same truth: that of the split itself, or of most of them."""
    tables = {}
    for record in same:
        try:
            table = cache.predictions(record)
        except VerdictError as error:
            apart.append(_broken(record.experiment, f"{error.where}: {error.what}"))
            continue
        if table is not None:
            tables[record.experiment] = table
    prints = {experiment: _print(table) for experiment, table in tables.items()}
    truth = cache.truth(checked(digest, "dvc.lock")) if digest else None
    own = _print(truth) if truth is not None else _most(prints.values())
    for experiment in [experiment for experiment, mark in prints.items() if mark != own]:
        del tables[experiment]
        what = "its predictions are not for the validation sentences that its dvc.lock names, row for row"
        apart.append(_broken(experiment, what))
    return tables


def _print(table: pd.DataFrame) -> bytes:
    """The same for the same truth in the same order, and for nothing else."""
    return bytes(pd.util.hash_pandas_object(table[list(TRUTH)], index=False).to_numpy().tobytes())


def _most(values: Iterable[Found]) -> Found | None:
    """The most frequent value; of several the first."""
    return next((value for value, _ in Counter(values).most_common(1)), None)


def _measure(
    ranked: Sequence[Record], tables: dict[Experiment, pd.DataFrame], policy: Gate
) -> tuple[dict[Experiment, Stats], SelectionBias | None]:
    here = [record.experiment for record in ranked if record.experiment in tables]
    if not here:
        return {}, None
    scores = resampled([tables[one] for one in here], policy.resamples, policy.seed)
    gaps = to_best(scores, 0, policy.confidence)
    ties_best = gaps.ties_best
    measured = {
        one: Stats(
            *scores.interval(place, policy.confidence),
            float(gaps.difference[place]),
            float(gaps.low[place]),
            float(gaps.high[place]),
            bool(ties_best[place]),
        )
        for place, one in enumerate(here)
    }
    return measured, selection_bias(scores) if len(here) > 1 else None


def differing(params: Sequence[dict[str, Any]]) -> list[str]:
    """The keys that have several values among the experiments which use them."""
    keys = dict.fromkeys(key for one in params for key in one if not key.startswith(_NO_PART))
    return [key for key in keys if len(_values(params, key)) > 1]


def _values(params: Sequence[dict[str, Any]], key: str) -> set[str]:
    return {records.shown_param(value) for one in params if (value := used(one, key)) is not None}


def used(params: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - YAML
    """A param's value; None where it is absent, or a setting of a kind of model that was not trained."""
    parts, chosen = key.split("."), params.get("train.model")
    of_another = parts[0] == "train" and len(parts) > 2 and parts[1] in KINDS and parts[1] != chosen
    return None if of_another else params.get(key)
