"""The leaderboard as data: ranked experiments with intervals, and unranked ones with the reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from verdict.base.paths import EVALUATION
from verdict.experiments.leaderboard import records
from verdict.experiments.leaderboard.comparable import (
    Unranked,
    Yardstick,
    comparable_predictions,
    elsewhere,
    most_frequent,
    read_records,
)
from verdict.experiments.leaderboard.experiments import Experiment, Files
from verdict.experiments.leaderboard.predictions import Cache, Predictions
from verdict.experiments.leaderboard.ranking import SelectionBias, interval, selection_bias, to_best
from verdict.experiments.leaderboard.records import Record
from verdict.experiments.leaderboard.varying_params import used, varying
from verdict.review.bootstrap import bootstrap_models
from verdict.review.metrics_file import Scores
from verdict.review.params import Gate
from verdict.review.words import title

_OTHER_ROWS = "scored on other validation rows (another split, or other data)"
MAX_SLICES = 8  # slices that are shown as columns


@dataclass(frozen=True)
class Stats:
    """Statistics of an experiment's predictions: the score's interval, and the difference to the best with its own."""

    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    ties_best: bool


@dataclass(frozen=True)
class Row:
    """A ranked experiment; `stats` is None if its predictions are not here, `values` are its params that differ."""

    rank: int
    record: Record
    stats: Stats | None
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.record.experiment.name

    @property
    def score(self) -> float:
        """The headline metric on validation."""
        return self.record.scores.overall


@dataclass(frozen=True)
class Chosen:
    """The experiment that a person chose by name, with its scores on test."""

    experiment: Experiment
    scores: Scores


@dataclass(frozen=True)
class Board:
    """The content of the leaderboard.

    Args:
        rows: ranked experiments.
        unranked: the other experiments.
        keys: params that differ among the ranked experiments.
        headline: the metric of the ranking.
        slice: the column that the slices are values of; empty if not known.
        slices: the number of validation texts in each slice; 0 if not known.
        texts: the number of validation texts.
        groups: the number of groups of these texts; 0 if not known.
        selection_bias: of the best experiment; None for fewer than two.
        policy: confidence and resamples.
        chosen: the experiment that a person chose.
    """

    rows: list[Row]
    unranked: list[Unranked]
    keys: list[str]
    headline: str
    slice: str
    slices: dict[str, int]
    texts: int
    groups: int
    selection_bias: SelectionBias | None
    policy: Gate
    chosen: Chosen | None = None

    @property
    def metric(self) -> str:
        """The headline metric in words."""
        return title(self.headline)

    @property
    def largest(self) -> list[str]:
        """The slices, in their order; if there are many, the largest first."""
        return (
            sorted(self.slices, key=lambda name: -self.slices[name])
            if len(self.slices) > MAX_SLICES
            else [*self.slices]
        )

    @property
    def best(self) -> Row | None:
        """The first row whose predictions are here."""
        return next((row for row in self.rows if row.stats), None)

    @property
    def baselines(self) -> int:
        """The number of commits that the experiments build on."""
        experiments = [row.record.experiment for row in self.rows] + [entry.experiment for entry in self.unranked]
        return len({experiment.baseline for experiment in experiments if experiment.baseline})


@dataclass(frozen=True)
class Selection:
    """The experiments to show, those that are missing, and the chosen one."""

    experiments: Sequence[Experiment]
    absent: Sequence[Unranked] = ()
    chosen: Experiment | None = None


def build_board(root: Path, cache: Cache, selection: Selection, by: Yardstick) -> Board:
    """Rank experiments.

    Args:
        root: of the repository.
        cache: the store of their predictions.
        selection: the experiments.
        by: metric, data and policy of the ranking.

    Raises:
        VerdictError: the chosen experiment has no score on test.
    """
    paths = [(experiment.commit, path) for experiment in selection.experiments for path in records.FILES]
    if selection.chosen:
        paths.append((selection.chosen.commit, EVALUATION))
    files = Files(root, paths)
    unranked = list(selection.absent)
    readable = list(read_records(files, selection.experiments, by.headline, unranked))
    digest = by.validation or most_frequent(record.validation for record in readable)
    same_rows = [record for record in readable if record.validation == digest]
    unranked.extend(elsewhere(record, _OTHER_ROWS) for record in readable if record.validation != digest)
    tables = comparable_predictions(cache, same_rows, replace(by, validation=digest), unranked)
    excluded = {entry.experiment for entry in unranked}
    ranked = sorted(
        (record for record in same_rows if record.experiment not in excluded),
        key=lambda record: (-record.scores.overall, record.experiment),
    )
    keys = varying([record.params for record in ranked])
    stats, bias = _stats(ranked, tables, by)
    rows = [
        Row(rank, record, stats.get(record.experiment), {key: used(record.params, key) for key in keys})
        for rank, record in enumerate(ranked, 1)
    ]
    table = next(iter(tables.values())).table if tables else None
    sizes = Counter(record.scores.n for record in ranked)
    chosen = None
    if experiment := selection.chosen:
        chosen = Chosen(experiment, records.scores_on_test(files, experiment, by.headline))
    return Board(
        rows,
        sorted(unranked, key=lambda entry: (entry.kind, entry.experiment)),
        keys,
        by.headline,
        (by.dataset and by.dataset.slice) or "",
        _slices(table, ranked),
        len(table) if table is not None else max(sizes, default=0),
        table["group"].nunique() if table is not None else 0,
        bias,
        by.policy,
        chosen,
    )


def _slices(table: pd.DataFrame | None, ranked: Sequence[Record]) -> dict[str, int]:
    """The number of texts of each slice, in the order of the rows; 0 for each slice if there are no predictions."""
    if table is None:
        return dict.fromkeys(ranked[0].scores.slices if ranked else (), 0)
    return dict(Counter(table["slice"])) if "slice" in table else {}


def _stats(
    ranked: Sequence[Record], tables: dict[Experiment, Predictions], by: Yardstick
) -> tuple[dict[Experiment, Stats], SelectionBias | None]:
    measured = [record.experiment for record in ranked if record.experiment in tables]
    if not measured:
        return {}, None
    labels, policy = tables[measured[0]].labels, by.policy
    scores = bootstrap_models(
        [tables[experiment].table for experiment in measured], labels, by.headline, policy.resamples, policy.seed
    )
    gaps = to_best(scores, 0, policy.confidence)
    stats = {
        experiment: Stats(
            *interval(scores, place, policy.confidence),
            float(gaps.difference[place]),
            float(gaps.low[place]),
            float(gaps.high[place]),
            bool(gaps.ties_best[place]),
        )
        for place, experiment in enumerate(measured)
    }
    return stats, selection_bias(scores) if len(measured) > 1 else None
