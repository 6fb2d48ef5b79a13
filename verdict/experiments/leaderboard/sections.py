"""The sections of the leaderboard: its template, and the functions that the template calls."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from verdict.base.paths import EVALUATION, VALIDATION_METRICS
from verdict.experiments.leaderboard.board import MAX_SLICES, Board, Row
from verdict.experiments.leaderboard.charts import Picture, short
from verdict.experiments.leaderboard.comparable import ABSENT, BROKEN, ELSEWHERE
from verdict.experiments.leaderboard.records import shown_param
from verdict.review.metrics_file import Scores
from verdict.review.report.markup import Section, Template, code
from verdict.review.words import figure, signed

_MOST_COLUMNS = 8
_NAME = re.compile(r"(?!www)[a-z][a-z0-9_]{0,30}(\.[a-z][a-z0-9_]{0,30})?")


def sections(board: Board, pictures: Sequence[Picture], kind: str) -> list[Section]:
    """Render all sections; `kind` is the suffix of the pictures beside the report."""
    return _TEMPLATE.all("leaderboard", board, pictures, kind)


def duration(seconds: float) -> str:
    """Write a time such as 12.3 s, 4.2 min, 1.1 h."""
    units = ((3600, "h"), (60, "min"), (1, "s"))
    size, unit = next((size, unit) for size, unit in units if seconds >= size or size == 1)
    return f"{seconds / size:,.1f} {unit}"


def _titles(names: Iterable[str]) -> list[Markup]:
    """The names of slices as code, since they come from strangers."""
    return [code(name, 40) for name in names]


def _slices(board: Board, scores: Scores) -> list[str]:
    """The slices of some scores, in the leaderboard's order; if there are many, the largest of the validation split."""
    places = {name: place for place, name in enumerate(board.largest)}
    return sorted(scores.slices, key=lambda name: places.get(name, len(places)))[:MAX_SLICES]


def _params(keys: Sequence[str]) -> list[Markup]:
    """The short names of keys; ours may break, since the table is wide, others are shown as code."""
    names = list(short(keys).values())[:_MOST_COLUMNS]
    return [_breaking(name) if _NAME.fullmatch(name) else code(name, 40) for name in names]


def _breaking(name: str) -> Markup:
    return Markup(name.replace("_", "_&#8203;"))  # noqa: S704 - letters, digits, dots


def _values(row: Row, keys: Iterable[str]) -> list[object]:
    return [_value(row.values[key]) for key in keys]


def _value(value: object) -> object:
    if value is None:
        return "–"
    return shown_param(value)[:40] if isinstance(value, int | float) else code(shown_param(value), 40)


def _figures(scores: Mapping[str, float], names: Iterable[str]) -> list[str]:
    return [figure(scores[name]) if name in scores else "–" for name in names]


def _points(value: float) -> str:
    return f"{value * 100:.1f}" if value >= 0.0005 else f"{value * 100:.2f}"


_TEMPLATE = Template(
    Path(__file__).parent / "templates" / "leaderboard.md.j2",
    MOST_COLUMNS=_MOST_COLUMNS,
    VALIDATION_METRICS=VALIDATION_METRICS,
    EVALUATION=EVALUATION,
    ELSEWHERE=ELSEWHERE,
    BROKEN=BROKEN,
    ABSENT=ABSENT,
    MAX_SLICES=MAX_SLICES,
    duration=duration,
    figure=figure,
    figures=_figures,
    params=_params,
    points=_points,
    quote=shlex.quote,
    signed=signed,
    slices_of=_slices,
    titles=_titles,
    values=_values,
)
