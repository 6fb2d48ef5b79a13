"""Plots of base and candidate as PNG files: content, distinction of the two, and bytes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.dvc.review import plot_repositories
from tests.dvc.review.plot_repositories import SCORES, TRAINING, by_name, commit, declare, declared, size, words, write
from verdict.review.report.plots import draw
from verdict.review.report.vega import SCALE

site_cache, originals, everything, two, drawn = (
    plot_repositories.site_cache,
    plot_repositories.originals,
    plot_repositories.everything,
    plot_repositories.two,
    plot_repositories.drawn,
)


def test_every_declared_plot_becomes_a_narrow_png_with_alternative_text(everything: Path, tmp_path: Path) -> None:
    """Each plot of dvc.yaml is one narrow file named after it, with its title and both sides in words."""
    plots = by_name(draw(everything, "HEAD", None, tmp_path / "out"))
    assert set(plots) == set(declared())
    assert {file.name for file in (tmp_path / "out").iterdir()} == {file for p in plots.values() for file in p.files}
    for name, plot in plots.items():
        assert plot.files == (Path(name.replace("/", "_")).stem + ".png",)
        assert plot.title == declared()[name].get("title", name)
        assert plot.title in plot.alt
        assert re.search(r"main: .*; candidate: ", plot.alt), plot.alt
        assert "colour" not in plot.alt
        assert not plot.unchanged
        width, _ = size(tmp_path / "out" / plot.files[0])
        assert plot.width == (width if name == SCORES else width // SCALE) <= 500, name


def test_main_comes_first_and_both_are_named(everything: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """Rows and words of each picture say main, then candidate, and never what DVC calls them; no anchor is left."""
    draw(everything, "HEAD", None, tmp_path)
    assert len(drawn) == len(declared()) - 1  # the image is not one of them
    for specification in drawn:
        sides = [row["rev"] for row in specification["data"]["values"]]
        assert sides == sorted(sides, reverse=True)
        assert set(sides) == {"main", "candidate"}
        text = words(specification)
        assert text.index("main") < text.index("candidate")
        assert not {"workspace", "HEAD"} & set(text)
        assert "<DVC_METRIC_" not in json.dumps(specification)


def test_who_has_drawn_may_draw_beside_itself() -> None:
    """A process that used the engine draws the same picture in a child process."""
    program = """
from verdict.review.report.vega import drawing_process, render
plot = '{"data": {"values": [{}]}, "mark": "text"}'
drawn = render(plot)
with drawing_process():
    assert render(plot) == drawn
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_no_text_of_the_templates_is_small() -> None:
    """Every size of text in the templates is 12 or more, and every kind of label is given one."""
    for path in (ROOT / ".dvc" / "plots").glob("*.json"):
        sizes = re.findall(r'"(\w*[fF]ontSize)": (\d+)', path.read_text(encoding="utf-8"))
        assert {"labelFontSize", "titleFontSize", "fontSize"} <= {name for name, _ in sizes}, path.name
        assert all(int(size) >= 12 for _, size in sizes), path.name


def test_the_same_data_give_the_same_bytes_from_a_tree_and_from_a_commit(everything: Path, tmp_path: Path) -> None:
    """Drawn again, and from a commit while the working tree has other data, all files are the same."""

    def files(candidate: str | None, out: str) -> dict[str, bytes]:
        plots = draw(everything, base, candidate, tmp_path / out)
        return {file: (tmp_path / out / file).read_bytes() for plot in plots for file in plot.files}

    base = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=everything, text=True).strip()
    first = files(None, "first")
    assert files(None, "again") == first
    commit(everything)
    write(everything, TRAINING, 0.09)
    assert files("HEAD", "commit") == first
    assert {name for name, data in files(None, "other").items() if data != first[name]} == {"plots_training.png"}


def test_what_did_not_change_is_drawn_once(two: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """Data and images that are the same on both sides are drawn once, for both."""
    same = by_name(draw(two, "HEAD", None, tmp_path / "same"))
    assert all(plot.unchanged and "main and candidate are the same" in plot.alt for plot in same.values())
    assert {row["rev"] for row in drawn[0]["data"]["values"]} == {"main and candidate"}
    assert "main and candidate" in words(drawn[0])
    write(two, SCORES, 0.05)
    other = by_name(draw(two, "HEAD", None, tmp_path / "other"))
    assert [other[name].unchanged for name in (TRAINING, SCORES)] == [True, False]
    heights = [size(tmp_path / folder / "plots_scores.png")[1] for folder in ("same", "other")]
    assert heights[1] == 2 * heights[0] > 2 * 30


def test_a_plot_that_one_side_has_is_drawn_for_it(two: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """A removed plot is drawn for main though its template went with it, an added one for the candidate."""
    declare(two, ["plots/reliability.json"])
    write(two, "plots/reliability.json", 0.0)
    for gone in (TRAINING, SCORES, ".dvc/plots/training.json"):
        (two / gone).unlink()
    plots = by_name(draw(two, "HEAD", None, tmp_path / "out"))
    assert {name: plot.alt.rsplit(". ", 1)[1] for name, plot in plots.items()} == {
        TRAINING: "Only main has this plot.",
        SCORES: "Only main has this plot.",
        "plots/reliability.json": "Only candidate has this plot.",
    }
    assert not any(plot.unchanged for plot in plots.values())
    assert sorted({row["rev"] for spec in drawn for row in spec["data"]["values"]}) == ["candidate", "main"]


def test_an_empty_list_is_no_error_and_said_in_words(two: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """A plot without rows on one side is drawn for the other; without any rows, the picture says so."""
    (two / TRAINING).write_text("[]", encoding="utf-8")
    assert by_name(draw(two, "HEAD", None, tmp_path))[TRAINING].alt.endswith("candidate has no rows.")
    commit(two)
    plot = by_name(draw(two, "HEAD", None, tmp_path))[TRAINING]
    assert plot.unchanged
    assert "no rows" in words(drawn[-1])
    assert (tmp_path / plot.files[0]).is_file()


def test_slices_stand_in_the_order_of_the_rows(everything: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """Overall is the first panel, then the slices as the file has them, not by the alphabet."""
    cells = [
        {"slice": name, "actual": "a", "predicted": "a", "count": 3, "share": 1.0} for name in ("overall", "web", "fax")
    ]
    (everything / "plots/confusion.json").write_text(json.dumps(cells), encoding="utf-8")
    draw(everything, "HEAD", None, tmp_path)
    (confusion,) = [one for one in drawn if one.get("facet", {}).get("row", {}).get("field") == "slice"]
    text = [word for word in words(confusion) if word in ("overall", "web", "fax")]
    assert text.index("overall") < text.index("web") < text.index("fax")
