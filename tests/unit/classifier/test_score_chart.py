"""Tests of verdict/classifier/scores/score_chart.py and of the figures that plots.py draws with it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from tests.conftest import ROOT
from tests.unit.classifier.made_up_rows import made_up
from verdict.base.files import sha256
from verdict.classifier.params import Params
from verdict.classifier.scores import plots
from verdict.classifier.scores.metrics import compute_metrics
from verdict.classifier.scores.predictions import with_probabilities
from verdict.classifier.scores.published import Published
from verdict.classifier.scores.score_chart import Line, draw_scores

LINES = [Line("tea", 0.7, 100), Line("coffee", 0.8, 50)]
OTHERS = [Published("a rater", "tea", "weighted_f1", 0.9), Published("a rater", "milk", "weighted_f1", 0.5)]
ODD = ("$x", "a $\\frac{1}$ b", "two\nlines\tand a tab", "^_{", "long " * 100, "\\", "<b>&amp;", "%s {0}")


def words(monkeypatch: pytest.MonkeyPatch, path: Path, lines: Sequence[Line], others: Sequence[Published]) -> str:
    """All that stands in the picture, as it is drawn."""
    kept: list[Figure] = []
    save = Figure.savefig

    def noted(self: Figure, *arguments: object, **named: object) -> None:
        kept.append(self)
        save(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", noted)
    draw_scores(path, lines, "weighted_f1", others)
    found = kept[-1].findobj(matplotlib.text.Text)
    return "\n---\n".join(one.get_text() for one in found if isinstance(one, matplotlib.text.Text))


def test_the_picture_depends_on_the_figures_alone(tmp_path: Path) -> None:
    """The same figures give the same bytes, other figures, names and published scores others."""
    drawn = {
        "same": (LINES, OTHERS),
        "again": (list(LINES), list(OTHERS)),
        "value": ([LINES[0], Line("coffee", 0.81, 50)], OTHERS),
        "rows": ([LINES[0], Line("coffee", 0.8, 51)], OTHERS),
        "name": ([LINES[0], Line("cocoa", 0.8, 50)], OTHERS),
        "alone": (LINES, []),
    }
    for name, (lines, others) in drawn.items():
        draw_scores(tmp_path / name, lines, "weighted_f1", others)
    hashes = {name: sha256(tmp_path / name) for name in drawn}
    assert hashes["same"] == hashes["again"]
    assert len(set(hashes.values())) == len(drawn) - 1


def test_the_picture_does_not_depend_on_the_users_matplotlibrc(tmp_path: Path) -> None:
    """A matplotlibrc with another font size changes no byte."""
    hashes = set()
    for size in ("10", "20"):
        folder = tmp_path / size
        folder.mkdir()
        (folder / "matplotlibrc").write_text(f"font.size: {size}\n", encoding="utf-8")
        code = (
            "import sys; from pathlib import Path; from verdict.classifier.scores.score_chart import Line, draw_scores;"
            "draw_scores(Path(sys.argv[1]), [Line('tea', 0.7, 9)], 'mcc', [])"
        )
        environment = {**os.environ, "MPLCONFIGDIR": str(folder)}
        command = [sys.executable, "-c", code, str(folder / "a.png")]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        hashes.add(sha256(folder / "a.png"))
    assert len(hashes) == 1


def test_published_scores_stand_beside_the_slices_that_they_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of ours is labelled with its score and rows; whoever published something of these slices is named."""
    told = words(monkeypatch, tmp_path / "a.png", LINES, [*OTHERS, Published("else", "milk", "weighted_f1", 0.1)])
    assert all(part in told for part in ("tea\n100 rows", "coffee\n50 rows", "0.70", "0.80", "a rater (published)"))
    assert "else" not in told


def test_the_thirty_largest_are_drawn_and_the_others_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred classes those with most rows are shown, in their order, and the title says so."""
    lines = [Line(f"c{number:03}", number / 100, 1000 - number if number % 2 else number) for number in range(100)]
    told = words(monkeypatch, tmp_path / "a.png", lines, [])
    assert "the 30 largest of 100" in told
    shown = list(dict.fromkeys(part.split()[0] for part in told.split("\n---\n") if part.endswith("rows")))
    assert shown == [f"c{number:03}" for number in range(1, 61, 2)]


@pytest.mark.parametrize("name", ODD)
def test_names_of_any_kind_are_drawn_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Dollar signs are no formulas; line breaks and very long names do not tear the picture."""
    told = words(monkeypatch, tmp_path / "a.png", [Line(name, 0.5, 7)], [Published(name, name, "weighted_f1", 0.6)])
    shown = " ".join(name.replace("$", r"\$").split())
    assert shown[:30] in told
    plain = words(monkeypatch, tmp_path / "b.png", [Line("a" * 40, 0.5, 7)], [])
    assert plain
    widths = [int.from_bytes((tmp_path / each).read_bytes()[16:20]) for each in ("a.png", "b.png")]
    assert widths[0] == widths[1]
    assert max(map(len, told.split("\n---\n"))) < 70


@pytest.mark.parametrize("sliced", [True, False], ids=["slices", "classes"])
def test_the_lines_are_the_slices_or_else_the_classes(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch, sliced: bool
) -> None:
    """With slices the headline metric of each is drawn, without them the F1 of each class; published by metric."""
    rows, drawn = made_up(3, rows=90), []
    monkeypatch.setattr(plots, "draw_scores", lambda _, *arguments: drawn.append(arguments))
    truth = {
        "id": [f"{number}" for number in range(90)],
        "group": ["g"] * 90,
        **({"slice": ["tea"] * 60 + ["milk"] * 30} if sliced else {}),
        "label": [rows.labels[place] for place in rows.actual],
    }
    table = with_probabilities(pd.DataFrame(truth), rows.labels, rows.probabilities)
    settings = params.evaluate.model_copy(update={"headline": "macro_f1"})
    given = [Published("a", "tea", metric, 0.5) for metric in ("macro_f1", "f1", "mcc")]
    plots.write_plots(tmp_path, table, rows.labels, settings, given)
    ((lines, metric, published),) = drawn
    assert [one.metric for one in published] == [metric]
    if sliced:
        tea = np.arange(90) < 60
        assert metric == "macro_f1"
        assert [line.name for line in lines] == ["tea", "milk"]
        assert lines[0].value == pytest.approx(compute_metrics(rows[tea], 15)["macro_f1"])
        assert [line.rows for line in lines] == [60, 30]
    else:
        assert metric == "f1"
        assert [line.name for line in lines] == list(rows.labels)
        assert lines[2].value == pytest.approx(compute_metrics(rows, 15)["f1:class 2"])
        assert sum(line.rows for line in lines) == 90


def test_a_name_in_letters_of_no_font_is_told_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be drawn by a font of the system, and so otherwise elsewhere, is numbered: slices and published."""
    lines, others = [*LINES, Line("\u8336", 0.6, 10)], [OTHERS[0], Published("\u8336", "tea", "weighted_f1", 0.4)]
    told = words(monkeypatch, tmp_path / "a.png", lines, others)
    assert "\u8336" not in told
    assert "no. 3\n10 rows" in told
    assert "no. 2 (published)" in told


def test_a_score_of_one_is_a_whole_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of a perfect score, at the edge of the axes, is not cut in half."""
    clipped: list[bool] = []
    scatter = Axes.scatter

    def noted(self: Axes, *places: Any, **named: Any) -> PathCollection:  # noqa: ANN401 - matplotlib's
        drawn = scatter(self, *places, **named)
        clipped.append(drawn.get_clip_on())
        return drawn

    monkeypatch.setattr(Axes, "scatter", noted)
    draw_scores(tmp_path / "a.png", [Line("tea", 1.0, 100)], "weighted_f1", [])
    assert clipped == [False]
