"""The leaderboard in a terminal: aligned, no wider than it, and telling names and params apart."""

import re
from dataclasses import replace

import pytest

from tests.conftest import small_params
from verdict.experiments.leaderboard.board import Board, Row, Stats
from verdict.experiments.leaderboard.comparable import BROKEN, Unranked
from verdict.experiments.leaderboard.experiments import Experiment
from verdict.experiments.leaderboard.records import Cost, Record
from verdict.experiments.leaderboard.terminal import SHOWN, printed
from verdict.review.metrics_file import Scores, Seeds
from verdict.review.params import AllParams

ALPHA, MODEL, LONG = "train.linear.alpha", "train.model", "train.a_param_with_a_name_that_takes_much_room"


def row(rank: int, name: str, ties_best: bool | None, seconds: float | None = 12.0) -> Row:
    """A ranked experiment; with `ties_best` None it has no predictions here."""
    score = 0.8 - rank / 100
    cost = None if seconds is None else Cost(seconds, "x86", 1.0)
    scores, seeds = Scores(score, {}, 100), Seeds(1, score, 0.0)
    record = Record(Experiment(name, f"{rank:040}", "b" * 40), {}, scores, seeds, cost, "", "")
    measured = None if ties_best is None else Stats(score - 0.02, score + 0.02, 0, -0.1, 0.1, ties_best)
    return Row(rank, record, measured, {ALPHA: 10.0**-rank, MODEL: "linear" if rank % 2 else None, LONG: "w" * rank})


@pytest.fixture
def board() -> Board:
    """Three experiments: the best, one that may be as good, one without predictions and time."""
    rows = [row(1, "first", True, 4.2), row(2, "second", True, 300.0), row(3, "third", None, None)]
    policy = AllParams.model_validate(small_params()).gate
    return Board(rows, [], [ALPHA, MODEL, LONG], "macro_f1", "", {}, 2295, 1000, None, policy)


def lines(board: Board, width: int) -> list[str]:
    """What is printed from the head of the table on."""
    every = list(printed(board, width))
    assert max(map(len, every)) <= width
    return every[next(place for place, line in enumerate(every) if re.match(r" *#", line)) :]


def test_a_line_says_score_interval_params_and_time(board: Board) -> None:
    """Rank, name, score with interval, whether it can be told from the best, params that differ, and time."""
    head, *rest = lines(board, 160)
    assert head.split() == ["#", "experiment", "score", "interval", "alpha", "model", "a_param_…ch_room", "training"]
    assert [line.split() for line in rest] == [
        ["1", "first", "0.7900", "[0.7700,", "0.8100]", "best", "0.1", "linear", "w", "4.2", "s"],
        ["2", "second", "0.7800", "[0.7600,", "0.8000]", "~", "best", "0.01", "–", "ww", "5.0", "min"],
        ["3", "third", "0.7700", "no", "predictions", "0.001", "linear", "www", "–"],
    ]
    assert len({line.index("0.7") for line in rest}) == 1


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("count", [1, 50])
def test_any_number_of_experiments_fits_any_terminal(board: Board, width: int, count: int) -> None:
    """The best and whether others are like it are told in every width; what there is no room for is named."""
    name = "linear-alpha-of-the-second-sweep-on-the-large-machine-with-a-name"
    rows = [row(rank, f"{name}-{rank}", rank < 30) for rank in range(1, count + 1)]
    made = replace(board, rows=rows)
    head, first, *rest = lines(made, width)
    assert re.search(r"^ *1  linear-.*-1  +0\.7900.*best", first)
    shown = {key: key.rpartition(".")[2] in head for key in (ALPHA, MODEL)}
    told = " ".join(rest)
    assert all(here or key in told for key, here in shown.items())
    assert all(shown.values()) or width < 100
    assert any(shown.values()) or width < 80
    assert ("more, 9 of them ~ best" in told) == (count == 50)
    assert sum(bool(re.match(r" *\d+  ", line)) for line in [first, *rest]) == min(count, SHOWN)


def test_long_names_that_begin_alike_stay_apart(board: Board) -> None:
    """A name that is too long loses its middle, since what tells it from others often stands at its end."""
    rows = [row(rank, f"{'alike-' * 20}{rank}", True) for rank in (1, 2)]
    cut = [re.findall(r"alike\S+", line)[0] for line in lines(replace(board, rows=rows), 80)[1:3]]
    assert [name[-1] for name in cut] == ["1", "2"]
    assert all("…" in name for name in cut)


def test_names_of_any_script_keep_the_columns(board: Board) -> None:
    """Characters that take two places, and marks that take none, move nothing."""
    rows = [row(1, "\u540d\u524d", True), row(2, "e\u0301te\u0301", True), row(3, "plain", True)]
    found = list(printed(replace(board, rows=rows), 120))[-3:]
    places = [line.index("0.7") for line in found]
    assert [place - places[2] for place in places] == [-2, 2, 0]


def test_experiments_of_one_name_are_told_by_their_commits(board: Board) -> None:
    """Where several commits have experiments, their own commits stand beside the names."""
    rows = [row(1, "same", True), row(2, "same", True)]
    other = replace(rows[1].record, experiment=replace(rows[1].record.experiment, baseline="c" * 40))
    table = "\n".join(printed(replace(board, rows=[rows[0], replace(rows[1], record=other)]), 120))
    assert table.count("same (0000000)") == 2


def test_those_without_a_rank_are_told_why_and_only_so_many(board: Board) -> None:
    """Reasons are wrapped, not cut, and the end of a long list is counted."""
    experiment = Experiment("lost", "", "b" * 40)
    reason = "failed in DVC's queue, for a reason that takes a long line: dvc queue logs lost"
    apart = [Unranked(experiment, BROKEN, reason)] * (SHOWN + 3)
    found = list(printed(replace(board, rows=[], unranked=apart), 60))
    assert max(map(len, found)) <= 60
    assert " ".join(found).count("dvc queue logs lost") == SHOWN
    assert found[-1] == "… 3 more without a rank"
