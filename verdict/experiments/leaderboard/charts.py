"""The two plots of the leaderboard, in Vega-Lite: params against the score, and the score against its cost."""

import json
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.printable import plain
from verdict.experiments.leaderboard.board import Board, Row
from verdict.experiments.leaderboard.records import shown_param
from verdict.repo.plots import plot_errors
from verdict.review.report.markup import capital, percent
from verdict.review.report.png import decode, encode
from verdict.review.report.vega import SCALE

PARAMS, COST = "leaderboard-params", "leaderboard-cost"
# Okabe and Ito's colours, distinct for colour-blind readers, which also differ in lightness.
_BEST, _LIKE, _WORSE = "best", "not told apart from the best", "measurably below the best"
_COLOURS = {_BEST: "#D55E00", _LIKE: "#0072B2", _WORSE: "#8C959F"}
_SHAPES = {_BEST: "diamond", _LIKE: "circle", _WORSE: "square"}
_MAX_AXES, _MAX_LINES, _MAX_TICKS, _MAX_NAMED = 9, 200, 6, 12
_VALUE_LENGTH = 16  # characters
_TEXT, _QUIET = "#1f2328", "#59636e"
Spec = dict[str, Any]
_NOT_USED = "not used"


@dataclass(frozen=True)
class Picture:
    """A picture as `stem`.svg and `stem`.png, with its alternative text."""

    stem: str
    alt: str


def draw(board: Board, out: Path) -> list[Picture]:
    """Draw the plots for which the leaderboard has enough rows."""
    pictures = []
    if board.keys and len(board.rows) > 1:
        pictures.append(_params(board, out))
    if len([row for row in board.rows if row.record.cost]) > 1:
        pictures.append(_cost(board, out))
    return pictures


def short(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key; the last two where another ends the same way."""
    ends = [key.rpartition(".")[2] for key in keys]
    return {
        key: end if ends.count(end) == 1 else ".".join(key.split(".")[-2:]) for key, end in zip(keys, ends, strict=True)
    }


def _params(board: Board, out: Path) -> Picture:
    rows, keys = board.rows[:_MAX_LINES], _drawn_params(board)
    names = [plain(name, 40) for name in (short(board.keys)[key] for key in keys)]
    alt = (
        f"A line for each of {len(rows)} experiments, through its value of {', '.join(names)},"
        f" to its {board.metric} on validation; from {rows[-1].score:.4f}, dark, to {rows[0].score:.4f}, bright."
    )
    _save(_parallel(keys, names, rows), out, PARAMS)
    return Picture(PARAMS, alt)


def _drawn_params(board: Board) -> list[str]:
    """The params to draw, as many as fit: the model first, then those that most experiments use."""
    used = {key: sum(row.values[key] is not None for row in board.rows) for key in board.keys}
    order = sorted(board.keys, key=lambda key: (key != "train.model", -used[key]))
    kept = set(order[:_MAX_AXES])
    return [key for key in dict.fromkeys(["train.model", *board.keys]) if key in kept]


def _parallel(keys: Sequence[str], names: Sequence[str], rows: Sequence[Row]) -> Spec:
    """Parallel coordinates: an axis for each param, with its values in order, and one to scale for the score.

    Lines through equal values are moved apart a little, by rank, so that each can be followed.
    """
    last, low, wide = len(keys), rows[-1].score, (rows[0].score - rows[-1].score) or 1.0
    points = [
        {"line": line, "axis": axis, "score": row.score, **(_level(row.values[keys[axis]]) if axis < last else {})}
        for line, row in reversed(list(enumerate(rows)))  # the best is drawn last
        for axis in range(last + 1)
    ]
    spread = min(0.05, 0.012 * len(rows)) / max(len(rows) - 1, 1)
    levels = [
        {"window": [{"op": "dense_rank", "as": "level"}], "groupby": ["axis"],
         "sort": [{"field": "kind"}, {"field": "number"}, {"field": "text"}]},
        {"joinaggregate": [{"op": "max", "field": "level", "as": "levels"}], "groupby": ["axis"]},
        {"calculate": "datum.levels > 1 ? (datum.level - 1) / (datum.levels - 1) : 0.5", "as": "middle"},
        {"calculate": f"datum.axis == {last} ? (datum.score - {low}) / {wide}"
                      f" : datum.middle + ({(len(rows) - 1) / 2} - datum.line) * {spread}", "as": "place"},
    ]  # fmt: skip
    step = f"ceil(datum.levels / {_MAX_TICKS})"
    ticks = [
        *levels,
        {"filter": f"datum.axis < {last} && (datum.level == datum.levels"
                   f" || (datum.level - 1) % {step} == 0 && datum.levels - datum.level >= {step})"},
        {"aggregate": [], "groupby": ["axis", "middle", "text"]},
    ]  # fmt: skip
    titles = json.dumps([_lines(name) for name in (*names, "weighted F1")])
    x = {"field": "axis", "type": "ordinal", "scale": {"type": "point", "padding": 0},
         "axis": {"orient": "top", "labelExpr": f"{titles}[datum.value]", "labelAngle": 0, "labelFontSize": 13,
                  "labelFontWeight": "bold", "labelColor": _TEXT, "labelLimit": 0, "labelPadding": 14, "title": None,
                  "domain": False, "ticks": False, "grid": True, "gridColor": "#d1d9e0", "gridWidth": 1.5}}  # fmt: skip
    y = {"field": "place", "type": "quantitative", "title": None, "scale": {"domain": [-0.04, 1.04], "nice": False},
         "axis": {"orient": "right", "values": [0, 0.25, 0.5, 0.75, 1], "grid": False, "domain": False, "ticks": False,
                  "labelExpr": f"format({low} + datum.value * {wide}, '.3f')", "labelColor": _TEXT}}  # fmt: skip
    best = {"test": "datum.line == 0"}
    colour = {"field": "score", "type": "quantitative", "legend": None,
              "scale": {"scheme": {"name": "viridis", "extent": [0.05, 0.9]}},
              "condition": {**best, "value": _COLOURS[_BEST]}}  # fmt: skip
    line = {"x": x, "y": y, "detail": {"field": "line"}, "order": {"field": "axis"}, "color": colour,
            "size": {"condition": {**best, "value": 4}, "value": 2}}  # fmt: skip
    text = {"x": x, "y": {**y, "field": "middle"}, "text": {"field": "text"}}
    label = {"type": "text", "align": "left", "dx": 7, "fontSize": 12, "color": _TEXT}
    halo = {**label, "stroke": "white", "strokeWidth": 4}
    layers = [
        {"transform": levels, "mark": {"type": "line", "interpolate": "monotone", "opacity": 0.85}, "encoding": line},
        *({"transform": ticks, "mark": mark, "encoding": text} for mark in (halo, label)),
    ]
    subtitle = "each line an experiment, bright is a higher score; the thick one is the best"
    size = (min(760, max(460, 150 * last)), 310)
    page = _page("What the experiments tried, and what came of it", subtitle, *size, layers)
    return {**page, "data": {"values": points}}


def _level(value: object) -> Spec:
    """The sort keys of a value and its text: params that are not used first, then numbers, then words."""
    if value is None:
        return {"kind": 0, "text": _NOT_USED}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = f"{value:.4g}" if is_number else plain(shown_param(value), _VALUE_LENGTH)
    return {"kind": 1 if is_number else 2, "number": value if is_number else 0, "text": text}


def _lines(title: str) -> list[str]:
    """Break a title into short lines, since axes are close together."""
    lines = textwrap.wrap(re.sub(r"([._])", r"\1 ", title), 13)
    return [re.sub(r"([._]) ", r"\1", line) for line in lines]


def _cost(board: Board, out: Path) -> Picture:
    rows = [row for row in board.rows if row.record.cost]
    named = {row.rank for row in rows if _kind(board, row) != _WORSE}
    named = set(sorted(named)[:_MAX_NAMED]) or {rows[0].rank}
    points = [_point(board, row, row.rank in named) for row in rows]
    seconds = [point["seconds"] for point in points]
    far = max(seconds) / min(seconds) >= 8
    _place_labels(points, math.log if far else float)
    x = {"field": "seconds", "title": f"training time in seconds{' (logarithmic)' if far else ''}",
         "type": "quantitative",
         "scale": {"type": "log" if far else "linear", "nice": False, "zero": False, "padding": 30},
         "axis": {"grid": True, "tickCount": 6, "format": "~s" if max(seconds) >= 10_000 else "~f"}}  # fmt: skip
    y: Spec = {"type": "quantitative", "title": f"{board.metric} on validation", "scale": {"zero": False, "padding": 8}}
    kind: Spec = {"field": "kind", "legend": {"title": None, "orient": "top", "labelLimit": 0, "symbolOpacity": 1}}
    colour: Spec = {**kind, "scale": {"domain": list(_COLOURS), "range": list(_COLOURS.values())}}
    shape: Spec = {**kind, "scale": {"domain": list(_SHAPES), "range": list(_SHAPES.values())}}
    score: Spec = {"x": x, "y": {**y, "field": "score"}}
    text: Spec = {"type": "text", "fontSize": 12, "fontWeight": "bold", "color": _TEXT}
    labels: list[Spec] = [
        {"transform": [{"filter": {"field": "side", "equal": side}}], "mark": {**text, "align": side, "dx": away},
         "encoding": {**score, "text": {"field": "label"}}} for side, away in (("left", 8), ("right", -8))
    ]  # fmt: skip
    layers: list[Spec] = [
        {"transform": [{"filter": "isValid(datum.low)"}], "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.55},
         "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}},
        {"mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
         "encoding": {**score, "color": colour, "shape": shape}},
        *labels,
    ]  # fmt: skip
    devices = sorted({point["device"] for point in points})
    intervals = f"bars: {percent(board.policy.confidence)} intervals; numbers: ranks in the table"
    several = ["times on different devices are not comparable as such"] if len(devices) > 1 else []
    subtitle = [intervals, f"on {plain(', '.join(devices), 100)}", *several]
    alt = (
        f"{capital(board.metric)} of {len(rows)} experiments with its interval against the training time,"
        f" from {min(seconds):.4g} to {max(seconds):.4g} seconds."
    )
    _save({**_page("What the score cost", subtitle, 560, 320, layers), "data": {"values": points}}, out, COST)
    return Picture(COST, alt)


def _point(board: Board, row: Row, named: bool) -> Spec:
    cost = row.record.cost
    assert cost  # noqa: S101 - only rows with a cost are drawn
    point = {"seconds": cost.seconds, "device": plain(cost.device, 40), "score": row.score, "kind": _kind(board, row)}
    bounds = {"low": row.stats.low, "high": row.stats.high} if row.stats else {}
    return {**point, **bounds, "label": str(row.rank) if named else ""}


def _kind(board: Board, row: Row) -> str:
    if row is board.best:
        return _BEST
    return _LIKE if row.stats is None or row.stats.ties_best else _WORSE


def _place_labels(points: list[Spec], scale: Callable[[float], float]) -> None:
    """Put the label to the right of each point, or to the left if another point is in the way."""
    places = [(scale(point["seconds"]), point["score"]) for point in points]
    wide, tall = (max(values) - min(values) or 1.0 for values in zip(*places, strict=True))
    for number, (across, up) in enumerate(places):
        before = (((x - across) / wide, (y - up) / tall) for x, y in places[:number])
        near = any(-0.01 <= dx < 0.06 and abs(dy) < 0.08 for dx, dy in before)
        points[number]["side"] = "right" if near else "left"


def _page(title: str, subtitle: str | list[str], width: int, height: int, layers: list[Spec]) -> Spec:
    heading = {"text": title, "subtitle": subtitle, "anchor": "start", "offset": 12, "color": _TEXT, "fontSize": 15,
               "subtitleFontSize": 12, "subtitleColor": _QUIET}  # fmt: skip
    axis = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#eaeef2",
            "labelColor": _QUIET, "titleColor": _TEXT, "domainColor": "#d1d9e0", "tickColor": "#d1d9e0"}  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": heading,
        "width": width,
        "height": height,
        "padding": 14,
        "background": "white",
        "layer": layers,
        "config": {"view": {"stroke": None}, "axis": axis, "legend": {"labelFontSize": 12}, "font": "sans-serif"},
    }


def _save(spec: Spec, out: Path, stem: str) -> None:
    """Write both files, without access to any URL."""
    import vl_convert

    text = json.dumps(spec, allow_nan=False)
    with plot_errors(stem):
        svg = vl_convert.vegalite_to_svg(text, allowed_base_urls=[])
        png = vl_convert.vegalite_to_png(text, scale=SCALE, allowed_base_urls=[])
    (out / f"{stem}.svg").write_text(svg, encoding="utf-8")
    (out / f"{stem}.png").write_bytes(encode(decode(png, stem)))
