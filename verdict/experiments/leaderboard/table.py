"""leaderboard.csv: all that is known of each experiment but the test scores, for programs and spreadsheets."""

import csv
import io

from verdict.base.printable import plain
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.comparable import Unranked
from verdict.experiments.leaderboard.records import shown_param

_LONGEST = 1000
Cell = str | int | float | None


def as_csv(board: Board) -> str:
    """A line for each experiment, ranked or not."""
    keys = {key: f"params:{key}" for key in board.keys}
    slices = {name: f"score:{name}" for name in board.slices}
    lines = [*(_row(board, row) for row in board.rows), *(_apart(board, one) for one in board.unranked)]
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
    record, measured = row.record, row.stats
    return {
        "rank": row.rank,
        **_identity(record.experiment.name, record.experiment.commit, record.experiment.baseline),
        "status": "ranked" if measured else "not measured",
        "metric": board.headline,
        "score": row.score,
        **(_figures(row) if measured else {}),
        **{f"score:{name}": record.scores.slices.get(name) for name in board.slices},
        "seeds": record.seeds.count,
        "seeds_mean": round(record.seeds.mean, 6),
        "seeds_std": round(record.seeds.std, 6),
        **({} if record.cost is None else vars(record.cost)),
        "reason": "; ".join(record.notes) if measured else "; ".join(("predictions not here", *record.notes)),
        **{f"params:{key}": _param(row, key) for key in board.keys},
    }


def _figures(row: Row) -> dict[str, Cell]:
    assert row.stats  # noqa: S101 - asked for where it is
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


def _apart(board: Board, one: Unranked) -> dict[str, Cell]:
    found = one.experiment
    identity = _identity(found.name, found.commit, found.baseline)
    told = {"metric": board.headline, "score": one.score}
    return {**identity, "status": one.kind, **(told if one.score is not None else {}), "reason": one.reason}


def _identity(name: str, commit: str, baseline: str) -> dict[str, Cell]:
    return {"experiment": name, "commit": commit, "baseline": baseline}


def _cell(value: Cell) -> Cell:
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    """One line; a text that a spreadsheet would compute (=, +, -, @ in front) begins with a quote."""
    line = plain(text, _LONGEST)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
