"""The leaderboard for a terminal: one line an experiment, in columns that fit its width."""

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

SHOWN = 20  # of the ranked, and of those that are not
_GAP = "  "
_NAME, _LEAST_NAME = 40, 20
_VALUE = 16  # characters of a param's name or value


@dataclass(frozen=True)
class _Column:
    """A head and a cell for each row; numbers stand to the right."""

    head: str
    cells: list[str]
    right: bool = False

    @property
    def width(self) -> int:
        return max(map(_width, (self.head, *self.cells)))

    def lines(self) -> list[str]:
        """Head and cells, all of one width."""
        wide = self.width
        pads = [(" " * (wide - _width(text)), text) for text in (self.head, *self.cells)]
        return [pad + text if self.right else text + pad for pad, text in pads]


def printed(board: Board, width: int) -> Iterator[str]:
    """The ranking with score, interval, whether it can be told from the best, params that differ and time; the rest."""
    rows = board.rows[:SHOWN]
    if rows:
        what = f"{capital(board.metric)} on {board.texts:,} validation texts"
        if board.best:
            confidence = f"{board.policy.confidence * 100:g} %"
            what += f", {confidence} interval. ~ best: cannot be told from the best, with {confidence} for all together"
        yield from textwrap.wrap(what, width)
        columns, left_out = _columns(board, rows, width)
        yield from (_GAP.join(cells).rstrip() for cells in zip(*(column.lines() for column in columns), strict=True))
        if more := board.rows[SHOWN:]:
            alike = sum(bool(row.stats and row.stats.ties_best) for row in more)
            yield f"… {len(more)} more, {alike} of them ~ best"
        if left_out:
            keys = ", ".join(plain(key, 60) for key in left_out)
            yield from textwrap.wrap(f"Not shown of the params that differ: {plain(keys)}", width)
    for one in board.unranked[:SHOWN]:
        text = f"{one.kind}: {plain(one.experiment.name, 100)}: {plain(one.reason)}"
        yield from textwrap.wrap(text, width, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    if len(board.unranked) > SHOWN:
        yield f"… {len(board.unranked) - SHOWN} more without a rank"


def _columns(board: Board, rows: list[Row], width: int) -> tuple[list[_Column], list[str]]:
    """The columns, and the params for which there is no room: a long name gives way to two of them, and to no more."""
    names = [_name(board, row) for row in rows]
    ranks = _Column("#", [str(row.rank) for row in rows], right=True)
    scores = _Column("score", [f"{row.score:.4f}" for row in rows], right=True)
    interval, word, time = (_Column(*args) for args in _columns_of_scores(board, rows))
    # In a narrow terminal the time goes first, and whether it can be told from the best last.
    told = [interval, word, time]
    for column in (time, interval, word):
        if width - _taken([ranks, scores, *told]) < _LEAST_NAME:
            told.remove(column)
    room = width - _taken([ranks, scores, *told])
    params = [_param(name, key, rows) for key, name in short(board.keys).items()]
    longest = max(_LEAST_NAME, min(_NAME, room - _taken(params[:2])))
    name = _Column("experiment", [_cut(text, longest) for text in names])
    shown = [column for number, column in enumerate(params) if _taken(params[: number + 1]) <= room - name.width]
    spare = room - name.width - _taken(shown)
    if spare > 0 and len(shown) == len(params):
        name = _Column("experiment", [_cut(text, longest + spare) for text in names])
    at = len(told) if time not in told else -1
    return [ranks, name, scores, *told[:at], *shown, *told[at:]], board.keys[len(shown) :]


def _taken(columns: list[_Column]) -> int:
    """The places that columns take with the gaps before them."""
    return sum(column.width + len(_GAP) for column in columns)


def _columns_of_scores(board: Board, rows: list[Row]) -> Iterator[tuple[str, list[str], bool]]:
    """Interval, whether it can be told from the best, and time."""
    measured = [row.stats for row in rows]
    bounds = [f"[{found.low:.4f}, {found.high:.4f}]" if found else "no predictions" for found in measured]
    yield "interval", bounds, False
    words = ["best" if row is board.best else _WORDS[row.stats.ties_best if row.stats else None] for row in rows]
    yield "", words, False
    costs = [row.record.cost for row in rows]
    yield "training", ["–" if cost is None else duration(cost.seconds) for cost in costs], True


_WORDS = {None: "", True: "~ best", False: "below"}


def _param(name: str, key: str, rows: list[Row]) -> _Column:
    values = [row.values[key] for row in rows]
    numbers = all(value is None or (isinstance(value, int | float) and value is not True) for value in values)
    cells = ["–" if value is None else _cut(plain(shown_param(value)), _VALUE) for value in values]
    return _Column(_cut(plain(name), _VALUE), cells, right=numbers)


def _name(board: Board, row: Row) -> str:
    text = plain(row.name)
    return f"{text} ({row.record.experiment.commit[:7]})" if board.baselines > 1 else text


def _cut(text: str, most: int) -> str:
    """At most so many places of a terminal: names that begin alike often end differently, so the middle goes."""
    if _width(text) <= most:
        return text
    head, tail = "", ""
    for front, back in zip_longest(text, reversed(text), fillvalue=""):
        if _width(head + front + tail) >= most:
            break
        head += front
        if _width(head + back + tail) >= most:
            break
        tail = back + tail
    return f"{head}…{tail}"


def _width(text: str) -> int:
    """Places in a terminal: East Asian characters take two, marks above others none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
