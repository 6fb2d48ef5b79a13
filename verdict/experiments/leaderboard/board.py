"""The leaderboard as data: who is ranked and how sure that is, who is not and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from verdict.experiments.leaderboard import records
from verdict.experiments.leaderboard.comparable import Unranked, Yardstick, comparable, elsewhere, most, readable
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
FEW = 8  # slices that are shown beside each other


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
    """A ranked experiment; `stats` is None without predictions here, `values` are its params that differ."""

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
    """The experiment that a person chose, with its scores on test."""

    experiment: Experiment
    scores: Scores


@dataclass(frozen=True)
class Board:
    """All that is known.

    Args:
        rows: the ranked.
        unranked: the others.
        keys: the params that differ.
        headline: the metric that they are ranked by.
        slice: what the slices are values of, as people know it; empty where that is not known.
        slices: how many texts of the validation split each has; 0 where that is not known.
        texts: of the validation split.
        groups: of these; 0 where that is not known.
        selection_bias: of the best; None for fewer than two.
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
        """The slices, in their order; of many the largest first."""
        return sorted(self.slices, key=lambda name: -self.slices[name]) if len(self.slices) > FEW else [*self.slices]

    @property
    def best(self) -> Row | None:
        """The first of those whose predictions are here."""
        return next((row for row in self.rows if row.stats), None)

    @property
    def baselines(self) -> int:
        """On how many commits the experiments build."""
        everyone = [row.record.experiment for row in self.rows] + [one.experiment for one in self.unranked]
        return len({one.baseline for one in everyone if one.baseline})


@dataclass(frozen=True)
class Selection:
    """Which experiments to show, which of them is chosen, and how to judge them."""

    experiments: Sequence[Experiment]
    absent: Sequence[Unranked] = ()
    chosen: Experiment | None = None


def build_board(root: Path, cache: Cache, selection: Selection, by: Yardstick) -> Board:
    """Rank experiments.

    Args:
        root: of the repository.
        cache: where their predictions are.
        selection: which.
        by: what they are ranked by.

    Raises:
        VerdictError: the experiment that is chosen has no score on test.
    """
    wanted = [(one.commit, path) for one in selection.experiments for path in records.FILES]
    if selection.chosen:
        wanted.append((selection.chosen.commit, records.TEST_SCORES))
    files = Files(root, wanted)
    apart = list(selection.absent)
    found = list(readable(files, selection.experiments, by.headline, apart))
    digest = by.validation or most(record.validation for record in found)
    same = [record for record in found if record.validation == digest]
    apart.extend(elsewhere(record, _OTHER_ROWS) for record in found if record.validation != digest)
    tables = comparable(cache, same, replace(by, validation=digest), apart)
    ranked = sorted(
        (record for record in same if record.experiment not in {one.experiment for one in apart}),
        key=lambda record: (-record.scores.overall, record.experiment),
    )
    keys = varying([record.params for record in ranked])
    measured, bias = _measure(ranked, tables, by)
    rows = [
        Row(rank, record, measured.get(record.experiment), {key: used(record.params, key) for key in keys})
        for rank, record in enumerate(ranked, 1)
    ]
    one = next(iter(tables.values())).table if tables else None
    sizes = Counter(record.scores.n for record in ranked)
    return Board(
        rows,
        sorted(apart, key=lambda item: (item.kind, item.experiment)),
        keys,
        by.headline,
        (by.dataset and by.dataset.slice) or "",
        _slices(one, ranked),
        len(one) if one is not None else max(sizes, default=0),
        one["group"].nunique() if one is not None else 0,
        bias,
        by.policy,
        Chosen(selection.chosen, records.scores_on_test(files, selection.chosen, by.headline))
        if selection.chosen
        else None,
    )


def _slices(table: pd.DataFrame | None, ranked: Sequence[Record]) -> dict[str, int]:
    """The texts of each slice, in the order of the rows; without predictions those that the first one claims."""
    if table is None:
        return dict.fromkeys(ranked[0].scores.slices if ranked else (), 0)
    return dict(Counter(table["slice"])) if "slice" in table else {}


def _measure(
    ranked: Sequence[Record], tables: dict[Experiment, Predictions], by: Yardstick
) -> tuple[dict[Experiment, Stats], SelectionBias | None]:
    here = [record.experiment for record in ranked if record.experiment in tables]
    if not here:
        return {}, None
    labels, policy = tables[here[0]].labels, by.policy
    scores = bootstrap_models([tables[one].table for one in here], labels, by.headline, policy.resamples, policy.seed)
    gaps = to_best(scores, 0, policy.confidence)
    ties_best = gaps.ties_best
    measured = {
        one: Stats(
            *interval(scores, place, policy.confidence),
            float(gaps.difference[place]),
            float(gaps.low[place]),
            float(gaps.high[place]),
            bool(ties_best[place]),
        )
        for place, one in enumerate(here)
    }
    return measured, selection_bias(scores) if len(here) > 1 else None
