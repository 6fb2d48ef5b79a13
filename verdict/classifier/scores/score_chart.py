"""The picture of our scores by slice or class beside the published ones, which Vega cannot draw well."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

# Without what a user's matplotlibrc says, and without looking for a display: the bytes depend on the figures alone.
# ruff: noqa: E402 - both before the figure is imported
matplotlib.rcdefaults()
matplotlib.use("Agg")
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from verdict.base.files import replacing
from verdict.classifier.scores.published import Published

# Distinct by shape as well as by colour; the colours are Okabe and Ito's, which colour-blind readers can distinguish.
# The last number moves a mark off the line, since some of the scores are equal.
_MARKS = (
    ("D", "#555555", -0.2),
    ("s", "#E69F00", 0.2),
    ("^", "#009E73", 0.2),
    ("v", "#CC79A7", -0.2),
    ("P", "#56B4E9", 0.0),
)
_OURS = ("o", "#0072B2")
_MOST, _LONGEST = 30, 40


class Line(NamedTuple):
    """A line of the picture: a slice or a class, its score and its number of test rows."""

    name: str
    value: float
    rows: int


def draw_scores(path: Path, lines: Sequence[Line], metric: str, published: Sequence[Published]) -> None:
    """One line a slice or class: our score on test as a labelled dot, the published scores as marks beside it.

    Args:
        path: of the PNG; its bytes depend on the figures alone.
        lines: of more than thirty those with most rows are drawn.
        metric: what the score is.
        published: of that metric; those of other slices are left out.
    """
    most = sorted(lines, key=lambda line: -line.rows)[:_MOST]
    shown = [line for line in lines if line in most]
    places = {line.name: place for place, line in enumerate(shown)}
    heights = [float(place) for place in places.values()]
    # Narrow, so that its text can still be read where a telephone shows it.
    figure = Figure(
        figsize=(5.6, 2.5 + 0.6 * max(4, len(shown)) if len(shown) < 9 else 2.5 + 0.35 * len(shown)),
        dpi=160,
        layout="constrained",
    )
    axes = figure.subplots()
    axes.hlines(heights, 0, 1, color="#DDDDDD", linewidth=1, zorder=0)
    beside = [one for one in published if one.slice in places]
    names = enumerate(dict.fromkeys(one.name for one in beside), 1)
    for (number, name), (marker, colour, shift) in zip(names, _MARKS, strict=False):
        own = [one for one in beside if one.name == name]
        moved = [places[one.slice] + shift for one in own]
        label = f"{_label(name, number)} (published)"
        axes.scatter([one.value for one in own], moved, marker=marker, s=55, color=colour, label=label)
    values = [line.value for line in shown]
    axes.scatter(
        values,
        heights,
        marker=_OURS[0],
        s=120,
        color=_OURS[1],
        label="this model (test split)",
        zorder=3,
        clip_on=False,  # a score of 1 is at the edge
    )
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:.2f}",
            (value, place),
            (11, 0),
            textcoords="offset points",
            va="center",
            weight="bold",
            color=_OURS[1],
        )
    several = len(shown) < 9
    axes.set_yticks(heights, [_named(line, place, "\n" if several else "  ") for place, line in enumerate(shown, 1)])
    axes.set_xlim(min([0.4, *(value - 0.05 for value in values)]), 1.0)
    axes.set_ylim(len(shown) - 0.5, -0.6)
    axes.set_xlabel(metric)
    left = f", the {len(shown)} largest of {len(lines)}" if len(shown) < len(lines) else ""
    axes.set_title(
        f"{metric} on test{left}{', beside the published' if beside else ''}", loc="left", fontsize=11, weight="bold"
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=10)
    with replacing(path) as partial:
        # Without the library's version in it, the file changes only when the figures do.
        figure.savefig(partial, format="png", metadata={"Software": None})


def _named(line: Line, place: int, between: str) -> str:
    return f"{_label(line.name, place)}{between}{line.rows:,} rows"


def _label(name: str, place: int) -> str:
    """Cut a name to one line; a name in letters that matplotlib's own font lacks becomes its number.

    A font of the system would draw it, and other systems other bytes.
    """
    line, font = " ".join(name.split()), get_font(findfont("DejaVu Sans"))
    if not all(font.get_char_index(ord(letter)) for letter in line):
        line = f"no. {place}"
    # A dollar sign would begin a formula.
    return (line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…").replace("$", r"\$")
