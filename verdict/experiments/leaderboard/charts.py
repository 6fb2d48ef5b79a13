"""The two pictures of the leaderboard, as Vega-Lite: params against the score, and the score against its cost."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.printable import plain
from verdict.experiments.leaderboard.axes import Axis, of_param, of_score
from verdict.experiments.leaderboard.board import Board, Row
from verdict.review.report.plots import SCALE
from verdict.review.report.png import drawing, packed

PARAMS, COST = "leaderboard-params", "leaderboard-cost"
# Colours that stay apart for the colour-blind (Okabe and Ito), and differ in lightness, too.
_BEST, _LIKE, _WORSE = "best", "not told apart from the best", "measurably below the best"
_COLOURS = {_BEST: "#D55E00", _LIKE: "#0072B2", _WORSE: "#8C959F"}
_SHAPES = {_BEST: "diamond", _LIKE: "circle", _WORSE: "square"}
_MOST_AXES, _MOST_LINES, _MOST_NAMED = 9, 200, 12
_TEXT, _QUIET = "#1f2328", "#59636e"
Spec = dict[str, Any]
# Not None: of layers without an axis Vega-Lite makes an error.
_BARE = {"domain": False, "ticks": False, "labels": False, "grid": False, "title": None}


@dataclass(frozen=True)
class Picture:
    """A picture as `stem`.svg and `stem`.png, with the text for those who do not see it."""

    stem: str
    title: str
    alt: str


def draw(board: Board, out: Path) -> list[Picture]:
    """Draw what can be drawn of a leaderboard."""
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
    rows, keys = board.rows[:_MOST_LINES], _telling(board)
    names = short(board.keys)
    axes = [of_param(plain(names[key], 30), [row.values[key] for row in rows]) for key in keys]
    axes.append(of_score("weighted F1", [row.score for row in rows]))
    alt = (
        f"A line for each of {len(rows)} experiments, through its value of"
        f" {', '.join(plain(names[key], 40) for key in keys)},"
        f" to its weighted F1 on validation; from {rows[-1].score:.4f}, dark, to {rows[0].score:.4f}, bright."
    )
    _save(_parallel(axes, rows), out, PARAMS)
    return Picture(PARAMS, "Parameters and score", alt)


def _telling(board: Board) -> list[str]:
    """The params to draw, no more than fit: the model first, then those that are used by most."""
    used = {key: sum(row.values[key] is not None for row in board.rows) for key in board.keys}
    order = sorted(board.keys, key=lambda key: (key != "train.model", -used[key]))
    kept = set(order[:_MOST_AXES])
    return [key for key in dict.fromkeys(["train.model", *board.keys]) if key in kept]


def _parallel(axes: list[Axis], rows: Sequence[Row]) -> Spec:
    """Lines through points of equal value are moved apart a little, by rank, so that each can be followed."""
    count = len(rows)
    apart = [0.0 if count == 1 else (0.5 - place / (count - 1)) * min(0.05, 0.012 * count) for place in range(count)]
    points = [
        {
            "line": place,
            "axis": number,
            "at": axis.places[place] + (apart[place] if number < len(axes) - 1 else 0),
            "score": row.score,
        }
        for number, axis in enumerate(axes)
        for place, row in reversed(list(enumerate(rows)))
    ]
    best = [point for point in points if point["line"] == 0]
    ticks = [{"axis": n, "at": at, "text": text} for n, axis in enumerate(axes) for at, text in axis.ticks]
    titles = [{"axis": n, "at": 1.25, "text": _lines(axis.title)} for n, axis in enumerate(axes)]
    last = len(axes) - 1
    x = {"field": "axis", "type": "quantitative", "axis": _BARE, "scale": {"domain": [0, last], "nice": False}}
    y = {"field": "at", "type": "quantitative", "axis": _BARE, "scale": {"domain": [-0.05, 1.25], "nice": False}}
    colour = {
        "field": "score",
        "type": "quantitative",
        "scale": {"scheme": {"name": "viridis", "extent": [0.05, 0.9]}},
        "legend": None,
    }
    line = {"type": "line", "interpolate": "monotone", "strokeWidth": 2, "opacity": 0.85}
    halo = {"type": "text", "stroke": "white", "strokeWidth": 4, "align": "left", "dx": 7, "fontSize": 12}
    label = {"type": "text", "align": "left", "dx": 7, "fontSize": 12, "color": _TEXT}
    text = {"field": "text", "type": "nominal"}
    order = {"field": "axis", "type": "quantitative"}
    where = {"x": x, "y": y}
    layers = [
        {"data": {"values": titles}, "mark": {"type": "rule", "color": "#d1d9e0", "strokeWidth": 1.5},
         "encoding": {"x": x, "y": {"datum": -0.03}, "y2": {"datum": 1.03}}},
        {"data": {"values": points}, "mark": line,
         "encoding": {**where, "color": colour, "detail": {"field": "line"}, "order": order}},
        {"data": {"values": best}, "mark": {**line, "strokeWidth": 4, "color": _COLOURS[_BEST], "opacity": 1},
         "encoding": {**where, "order": order}},
        {"data": {"values": ticks}, "mark": halo, "encoding": {**where, "text": text}},
        {"data": {"values": ticks}, "mark": label, "encoding": {**where, "text": text}},
        {"data": {"values": titles}, "mark": {"type": "text", "fontSize": 13, "fontWeight": "bold", "color": _TEXT,
                  "baseline": "line-top", "lineBreak": "\n"},
         "encoding": {**where, "text": text}},
    ]  # fmt: skip
    subtitle = "each line an experiment, bright is a higher score; the thick one is the best"
    return _page(
        "What the experiments tried, and what came of it", subtitle, min(760, max(460, 150 * last)), 310, layers
    )


def _lines(title: str) -> str:
    """A title in short lines: axes stand close together."""
    words, lines = title.replace("_", "_ ").replace(".", ". ").split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 12:
            lines.append("")
        lines[-1] += word if word.startswith("_") or lines[-1].endswith(("_", ".")) or not lines[-1] else f" {word}"
    return "\n".join(lines)


def _cost(board: Board, out: Path) -> Picture:
    rows = [row for row in board.rows if row.record.cost]
    named = {row.rank for row in rows if _kind(board, row) != _WORSE}
    named = set(sorted(named)[:_MOST_NAMED]) or {rows[0].rank}
    points = [_point(board, row, row.rank in named) for row in rows]
    seconds = [point["seconds"] for point in points]
    far = max(seconds) / min(seconds) >= 8
    _turn_aside(points, far)
    devices = sorted({point["device"] for point in points})
    x: Spec = {
        "field": "seconds",
        "type": "quantitative",
        "title": f"training time in seconds{' (logarithmic)' if far else ''}",
        "scale": {"type": "log" if far else "linear", "nice": False, "zero": False, "domain": _domain(seconds, far)},
        "axis": {"grid": True, "tickCount": 6, "format": "~s" if max(seconds) >= 10_000 else "~g"},
    }
    y: Spec = {"type": "quantitative", "title": "weighted F1 on validation", "scale": {"zero": False, "padding": 8}}
    colour: Spec = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(_COLOURS), "range": list(_COLOURS.values())},
        "legend": {"title": None, "orient": "top", "labelLimit": 0, "symbolOpacity": 1},
    }
    shape = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(_SHAPES), "range": list(_SHAPES.values())},
        "legend": {"title": None, "orient": "top", "labelLimit": 0},
    }
    bars = [point for point in points if "low" in point]
    layers = [
        {"data": {"values": bars}, "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.55},
         "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}},
        {"data": {"values": points}, "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
         "encoding": {"x": x, "y": {**y, "field": "score"}, "color": colour, "shape": shape}},
        *({"data": {"values": [point for point in points if point["label"] and point["side"] == side]},
           "mark": {"type": "text", "align": side, "dx": away, "fontSize": 12, "fontWeight": "bold", "color": _TEXT},
           "encoding": {"x": x, "y": {**y, "field": "score"}, "text": {"field": "label", "type": "nominal"}}}
          for side, away in (("left", 8), ("right", -8))),
    ]  # fmt: skip
    percent = f"{board.policy.confidence * 100:g} %"
    subtitle = [f"bars: {percent} intervals; numbers: ranks in the table", f"on {plain(', '.join(devices), 100)}"]
    if len(devices) > 1:
        subtitle.append("times on different devices are not comparable as such")
    alt = (
        f"Weighted F1 of {len(rows)} experiments with its interval against the training time,"
        f" from {min(seconds):.4g} to {max(seconds):.4g} seconds."
    )
    _save(_page("What the score cost", subtitle, 560, 320, layers), out, COST)
    return Picture(COST, "Score and cost", alt)


def _domain(seconds: Sequence[float], far: bool) -> list[float]:
    low, high = min(seconds), max(seconds)
    if far:
        return [low / 1.4, high * 1.4]
    room = (high - low or high) * 0.1
    return [max(low - room, 0), high + room]


def _turn_aside(points: list[Spec], far: bool) -> None:
    """Labels stand to the right of their points, and to the left where another would be in the way."""
    scale = math.log if far else float
    wide = (scale(max(p["seconds"] for p in points)) - scale(min(p["seconds"] for p in points))) or 1.0
    tall = (max(p["score"] for p in points) - min(p["score"] for p in points)) or 1.0
    for place, point in enumerate(points):
        near = [
            other
            for other in points[:place]
            if -0.01 <= (scale(other["seconds"]) - scale(point["seconds"])) / wide < 0.06
            and abs(other["score"] - point["score"]) / tall < 0.08
        ]
        point["side"] = "right" if near else "left"


def _point(board: Board, row: Row, named: bool) -> Spec:
    cost = row.record.cost
    assert cost  # noqa: S101 - only those that have one are drawn
    point = {
        "seconds": cost.seconds,
        "score": row.score,
        "device": plain(cost.device, 40),
        "kind": _kind(board, row),
        "label": str(row.rank) if named else "",
    }
    bounds = {"low": row.measured.low, "high": row.measured.high} if row.measured else {}
    return {**point, **bounds}


def _kind(board: Board, row: Row) -> str:
    if row is board.best:
        return _BEST
    return _LIKE if row.measured is None or row.measured.like_best else _WORSE


def _page(title: str, subtitle: str | list[str], width: int, height: int, layers: list[Spec]) -> Spec:
    heading = {
        "text": title,
        "subtitle": subtitle,
        "anchor": "start",
        "fontSize": 15,
        "subtitleFontSize": 12,
        "subtitleColor": _QUIET,
        "color": _TEXT,
        "offset": 12,
    }
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
    """Write both files; nothing is loaded from elsewhere."""
    import vl_convert

    text = json.dumps(spec, allow_nan=False)
    with drawing(stem):
        svg = vl_convert.vegalite_to_svg(text, allowed_base_urls=[])
        png = vl_convert.vegalite_to_png(text, scale=SCALE, allowed_base_urls=[])
    (out / f"{stem}.svg").write_text(svg, encoding="utf-8")
    (out / f"{stem}.png").write_bytes(packed(png, stem))
