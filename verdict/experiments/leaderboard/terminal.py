"""The leaderboard for a terminal: a line for each experiment, in columns that fit the width."""

import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from verdict.base.printable import plain
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.charts import short
from verdict.experiments.leaderboard.records import shown_param
from verdict.experiments.leaderboard.sections import duration
from verdict.review.report.markup import capital

SHOWN = 20  # ranked experiments, and as many unranked ones
_GAP = "  "
_MAX_NAME, _MIN_NAME = 40, 20
_MAX_VALUE = 16  # characters of a param's name or value


@dataclass(frozen=True)
class _Column:
    """A head and a cell for each row, aligned to the right for numbers."""

    head: str
    cells: list[str]
    right: bool = False

    @property
    def width(self) -> int:
        return max(map(_width, (self.head, *self.cells)))

    def lines(self) -> list[str]:
        """Head and cells, padded to one width."""
        width = self.width
        pads = [(" " * (width - _width(text)), text) for text in (self.head, *self.cells)]
        return [pad + text if self.right else text + pad for pad, text in pads]


def printed(board: Board, width: int) -> Iterator[str]:
    """The lines: ranked experiments with score, interval, tie with the best, params and time, then unranked ones."""
    rows = board.rows[:SHOWN]
    if rows:
        heading = f"{capital(board.metric)} on {board.texts:,} validation texts"
        if board.best:
            confidence = f"{board.policy.confidence * 100:g} %"
            heading += (
                f", {confidence} interval. ~ best: cannot be told from the best, with {confidence} for all together"
            )
        yield from textwrap.wrap(heading, width)
        columns, left_out = _columns(board, rows, width)
        yield from (_GAP.join(cells).rstrip() for cells in zip(*(column.lines() for column in columns), strict=True))
        if more := board.rows[SHOWN:]:
            ties = sum(bool(row.stats and row.stats.ties_best) for row in more)
            yield f"… {len(more)} more, {ties} of them ~ best"
        if left_out:
            keys = ", ".join(plain(key, 60) for key in left_out)
            yield from textwrap.wrap(f"Not shown of the params that differ: {plain(keys)}", width)
    for entry in board.unranked[:SHOWN]:
        text = f"{entry.kind}: {plain(entry.experiment.name, 100)}: {plain(entry.reason)}"
        yield from textwrap.wrap(text, width, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    if len(board.unranked) > SHOWN:
        yield f"… {len(board.unranked) - SHOWN} more without a rank"


def _columns(board: Board, rows: list[Row], width: int) -> tuple[list[_Column], list[str]]:
    """The columns, and the params without room. Long names are shortened to make room for two params."""
    names = [_name(board, row) for row in rows]
    ranks = _Column("#", [str(row.rank) for row in rows], right=True)
    scores = _Column("score", [f"{row.score:.4f}" for row in rows], right=True)
    interval, tie, time = (_Column(*args) for args in _columns_of_scores(board, rows))
    # A narrow terminal leaves out the time first, and the tie with the best last.
    results = [interval, tie, time]
    for column in (time, interval, tie):
        if width - _taken([ranks, scores, *results]) < _MIN_NAME:
            results.remove(column)
    room = width - _taken([ranks, scores, *results])
    params = [_param(name, key, rows) for key, name in short(board.keys).items()]
    longest = max(_MIN_NAME, min(_MAX_NAME, room - _taken(params[:2])))
    name = _Column("experiment", [_cut(text, longest) for text in names])
    shown = [column for number, column in enumerate(params) if _taken(params[: number + 1]) <= room - name.width]
    spare = room - name.width - _taken(shown)
    if spare > 0 and len(shown) == len(params):
        name = _Column("experiment", [_cut(text, longest + spare) for text in names])
    at = len(results) if time not in results else -1
    return [ranks, name, scores, *results[:at], *shown, *results[at:]], board.keys[len(shown) :]


def _taken(columns: list[_Column]) -> int:
    """The width of columns and the gaps before them."""
    return sum(column.width + len(_GAP) for column in columns)


def _columns_of_scores(board: Board, rows: list[Row]) -> Iterator[tuple[str, list[str], bool]]:
    """Head, cells and alignment of the interval, the tie with the best, and the time."""
    bounds = [f"[{row.stats.low:.4f}, {row.stats.high:.4f}]" if row.stats else "no predictions" for row in rows]
    yield "interval", bounds, False
    ties = ["best" if row is board.best else _TIES[row.stats.ties_best if row.stats else None] for row in rows]
    yield "", ties, False
    costs = [row.record.cost for row in rows]
    yield "training", ["–" if cost is None else duration(cost.seconds) for cost in costs], True


_TIES = {None: "", True: "~ best", False: "below"}


def _param(name: str, key: str, rows: list[Row]) -> _Column:
    values = [row.values[key] for row in rows]
    numbers = all(value is None or (isinstance(value, int | float) and value is not True) for value in values)
    cells = ["–" if value is None else _cut(plain(shown_param(value)), _MAX_VALUE) for value in values]
    return _Column(_cut(plain(name), _MAX_VALUE), cells, right=numbers)


def _name(board: Board, row: Row) -> str:
    text = plain(row.name)
    return f"{text} ({row.record.experiment.commit[:7]})" if board.baselines > 1 else text


def _cut(text: str, width: int) -> str:
    """Shorten a text to a width by cutting its middle: names that begin alike often end differently."""
    if _width(text) <= width:
        return text
    head, tail = "", ""
    for front, back in zip_longest(text, reversed(text), fillvalue=""):
        if _width(head + front + tail) >= width:
            break
        head += front
        if _width(head + back + tail) >= width:
            break
        tail = back + tail
    return f"{head}…{tail}"


def _width(text: str) -> int:
    """The width in a terminal: East Asian characters take two places, combining marks none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
