"""leaderboard.csv: all facts on each experiment but its test scores, for programs and spreadsheets."""

import csv
import io

from verdict.base.printable import plain
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.comparable import Unranked
from verdict.experiments.leaderboard.experiments import Experiment
from verdict.experiments.leaderboard.records import shown_param

_MAX_LENGTH = 1000
Cell = str | int | float | None


def as_csv(board: Board) -> str:
    """The table as csv: a line for each experiment, ranked or not."""
    keys = {key: f"params:{key}" for key in board.keys}
    slices = {name: f"score:{name}" for name in board.slices}
    lines = [*(_row(board, row) for row in board.rows), *(_unranked(board, entry) for entry in board.unranked)]
    head = [*_HEAD, *slices.values(), *_TAIL, *keys.values()]
    target = io.StringIO()
    writer = csv.DictWriter(target, head, restval="", lineterminator="\n", extrasaction="raise")
    writer.writerow({name: _safe(name) for name in head})
    writer.writerows({key: _cell(value) for key, value in line.items()} for line in lines)
    return target.getvalue()


_HEAD = (
    *("rank", "experiment", "commit", "baseline", "status", "metric", "score", "low", "high"),
    *("to_best", "to_best_low", "to_best_high", "ties_best"),
)
_TAIL = ("seeds", "seeds_mean", "seeds_std", "seconds", "rows_per_second", "device", "reason")


def _row(board: Board, row: Row) -> dict[str, Cell]:
    record, stats = row.record, row.stats
    return {
        "rank": row.rank,
        **_identity(record.experiment),
        "status": "ranked" if stats else "not measured",
        "metric": board.headline,
        "score": row.score,
        **(_figures(row) if stats else {}),
        **{f"score:{name}": record.scores.slices.get(name) for name in board.slices},
        "seeds": record.seeds.count,
        "seeds_mean": round(record.seeds.mean, 6),
        "seeds_std": round(record.seeds.std, 6),
        **({} if record.cost is None else vars(record.cost)),
        "reason": "; ".join(record.notes) if stats else "; ".join(("predictions not here", *record.notes)),
        **{f"params:{key}": _param(row, key) for key in board.keys},
    }


def _figures(row: Row) -> dict[str, Cell]:
    assert row.stats  # noqa: S101 - the caller has checked it
    names = ("low", "high", "to_best", "to_best_low", "to_best_high")
    values = list(vars(row.stats).values())
    return {
        **{name: round(value, 6) for name, value in zip(names, values, strict=False)},
        "ties_best": str(row.stats.ties_best).lower(),
    }


def _param(row: Row, key: str) -> Cell:
    value = row.values[key]
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return shown_param(value)


def _unranked(board: Board, entry: Unranked) -> dict[str, Cell]:
    score: dict[str, Cell] = {} if entry.score is None else {"metric": board.headline, "score": entry.score}
    return {**_identity(entry.experiment), "status": entry.kind, **score, "reason": entry.reason}


def _identity(experiment: Experiment) -> dict[str, Cell]:
    return {"experiment": experiment.name, "commit": experiment.commit, "baseline": experiment.baseline}


def _cell(value: Cell) -> Cell:
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    """The text as one line, with a quote in front if a spreadsheet would compute it (=, +, -, @)."""
    line = plain(text, _MAX_LENGTH)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
