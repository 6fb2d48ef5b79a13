"""Plots of two sides as PNG files: small DVC repositories with the real templates, and one spoilt file at a time."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vl_convert
import yaml

from classifier.errors import VerdictError
from review.plots import SCALE, Plot, draw
from tests.conftest import ROOT

CLASSES = ("negative", "neutral", "positive")
TRAINING, DOMAINS = "plots/training.json", "plots/domains.png"


def declared() -> dict[str, dict[str, Any]]:
    """The plots of the real dvc.yaml with their definitions, by name."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    return {name: body for stage in stages for entry in stage.get("plots", []) for name, body in entry.items()}


def rows(name: str, shift: float) -> list[dict[str, Any]]:
    """A few rows of each plot; `shift`, below 0.1, makes another candidate of them."""
    fields: dict[str, list[dict[str, Any]]] = {
        "plots/confusion.json": [
            {"domain": domain, "actual": actual, "predicted": "neutral", "count": 7, "share": 0.5 + shift}
            for domain in ("overall", "tweets")
            for actual in CLASSES
        ],
        "plots/mistakes.json": [
            {"id": f"news-{n}", "domain": "news", "mistake": "odd", "confidence": 0.9 - n / 9 + shift, "valence": 0.2}
            for n in range(3)
        ],
        "plots/precision_recall.json": [
            {"class": name, "recall": recall, "precision": 0.9 - recall / 2 + shift}
            for name in CLASSES
            for recall in (0.0, 0.5, 1.0)
        ],
        "plots/reliability.json": [{"confidence": c, "accuracy": c + shift, "n": 9} for c in (0.4, 0.6, 0.8)],
        TRAINING: [
            {"epoch": epoch, "on": split, "loss": 1 / epoch + shift, "validation_weighted_f1": 0.7}
            for epoch in (1, 2, 3)
            for split in ("training", "validation")
        ],
    }
    return fields[name]


def write(folder: Path, name: str, shift: float) -> None:
    """Write the data of a plot, or a picture whose colour is the shift's."""
    (folder / "plots").mkdir(exist_ok=True)
    if name.endswith(".png"):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><circle r="{20 + shift * 100}"/></svg>'
        (folder / name).write_bytes(vl_convert.svg_to_png(svg))
    else:
        (folder / name).write_text(json.dumps(rows(name, shift)), encoding="utf-8")


def declare(folder: Path, names: list[str]) -> None:
    """Write a dvc.yaml with one stage that has these plots, declared as in the real one."""
    stage = {"cmd": "true", "plots": [{name: declared()[name]} for name in names]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"draw": stage}}), encoding="utf-8")


def run(folder: Path, *command: str) -> None:
    """Run a command in the folder, with this interpreter's scripts first."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "EMAIL"), "nobody")
    environment = {**os.environ, **names, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


def commit(folder: Path) -> None:
    """Commit all there is."""
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "All")


def repository(folder: Path, names: list[str]) -> Path:
    """A committed repository with these plots and this repository's templates; nothing in it was ever run."""
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    declare(folder, names)
    for name in names:
        write(folder, name, 0.0)
    commit(folder)
    return folder


@pytest.fixture(autouse=True, scope="module")
def site_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - a generator
    """DVC's cache outside of repositories, not that of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        yield


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A repository with all plots, and one with a plot and an image."""
    folder = tmp_path_factory.mktemp("plots")
    return {
        "all": repository(folder / "all", list(declared())),
        "two": repository(folder / "two", [TRAINING, DOMAINS]),
    }


@pytest.fixture
def everything(originals: dict[str, Path], tmp_path: Path) -> Path:
    """All plots, each another one in the working tree than in the commit."""
    folder = Path(shutil.copytree(originals["all"], tmp_path / "tree"))
    for name in declared():
        write(folder, name, 0.05)
    return folder


@pytest.fixture
def two(originals: dict[str, Path], tmp_path: Path) -> Path:
    """One plot and one image, in the working tree as in the commit."""
    return Path(shutil.copytree(originals["two"], tmp_path / "tree"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The Vega-Lite specifications that were drawn, in order."""
    specifications: list[dict[str, Any]] = []
    convert = vl_convert.vegalite_to_png

    def spy(specification: str, **options: Any) -> bytes:  # noqa: ANN401 - passed on
        specifications.append(json.loads(specification))
        return convert(specification, **options)

    monkeypatch.setattr(vl_convert, "vegalite_to_png", spy)
    return specifications


def words(specification: dict[str, Any]) -> list[str]:
    """The texts in the picture, in order."""
    return re.findall(r">([^<>]+)</(?:text|tspan)>", vl_convert.vegalite_to_svg(json.dumps(specification)))


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    png = path.read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def by_name(plots: list[Plot]) -> dict[str, Plot]:
    """The plots by name, each of which must be there once."""
    assert len({plot.name for plot in plots}) == len(plots)
    return {plot.name: plot for plot in plots}


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
        assert plot.width == (width if name == DOMAINS else width // SCALE) <= 500, name


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
    """The same data on both sides are drawn once, for both, and so is the same image."""
    same = by_name(draw(two, "HEAD", None, tmp_path / "same"))
    assert all(plot.unchanged and "main and candidate are the same" in plot.alt for plot in same.values())
    assert {row["rev"] for row in drawn[0]["data"]["values"]} == {"main and candidate"}
    assert "main and candidate" in words(drawn[0])
    write(two, DOMAINS, 0.05)
    other = by_name(draw(two, "HEAD", None, tmp_path / "other"))
    assert [other[name].unchanged for name in (TRAINING, DOMAINS)] == [True, False]
    heights = [size(tmp_path / folder / "plots_domains.png")[1] for folder in ("same", "other")]
    assert heights[1] == 2 * heights[0] > 2 * 30


def test_a_plot_that_one_side_has_is_drawn_for_it(two: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """A removed plot is drawn for main though its template went with it, an added one for the candidate."""
    declare(two, ["plots/reliability.json"])
    write(two, "plots/reliability.json", 0.0)
    for gone in (TRAINING, DOMAINS, ".dvc/plots/training.json"):
        (two / gone).unlink()
    plots = by_name(draw(two, "HEAD", None, tmp_path / "out"))
    assert {name: plot.alt.rsplit(". ", 1)[1] for name, plot in plots.items()} == {
        TRAINING: "Only main has this plot.",
        DOMAINS: "Only main has this plot.",
        "plots/reliability.json": "Only candidate has this plot.",
    }
    assert not any(plot.unchanged for plot in plots.values())
    assert sorted({row["rev"] for spec in drawn for row in spec["data"]["values"]}) == ["candidate", "main"]


def test_an_empty_list_is_no_error_and_said_in_words(two: Path, tmp_path: Path, drawn: list[dict[str, Any]]) -> None:
    """A plot without rows on one side is drawn for the other; without rows at all, the picture says so."""
    (two / TRAINING).write_text("[]", encoding="utf-8")
    assert by_name(draw(two, "HEAD", None, tmp_path))[TRAINING].alt.endswith("candidate has no rows.")
    commit(two)
    plot = by_name(draw(two, "HEAD", None, tmp_path))[TRAINING]
    assert plot.unchanged
    assert "no rows" in words(drawn[-1])
    assert (tmp_path / plot.files[0]).is_file()


def edit(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Rewrite a file; the change must be one."""
    before = (folder / name).read_text(encoding="utf-8")
    assert change(before) != before
    (folder / name).write_text(change(before), encoding="utf-8")


def damage(folder: Path) -> None:
    """Turn one bit in the middle of an image."""
    png = bytearray((folder / DOMAINS).read_bytes())
    png[len(png) // 2] ^= 1
    (folder / DOMAINS).write_bytes(png)


SPOILT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "not JSON": (lambda t: edit(t, TRAINING, lambda s: s[:-9]), TRAINING, "JSON"),
    "missing": (lambda t: (t / TRAINING).unlink(), TRAINING, "training.json"),
    "NaN": (lambda t: edit(t, TRAINING, lambda s: s.replace("0.5", "NaN", 1)), TRAINING, "row 3: loss is nan"),
    "Infinity": (lambda t: edit(t, TRAINING, lambda s: s.replace("0.7", "-Infinity", 1)), TRAINING, "is -inf"),
    "too large": (lambda t: edit(t, TRAINING, lambda s: s.replace("0.5", "1e999", 1)), TRAINING, "loss is inf"),
    "null": (lambda t: edit(t, TRAINING, lambda s: s.replace("0.5", "null", 1)), TRAINING, "loss is None"),
    "a row without": (lambda t: edit(t, TRAINING, lambda s: s.replace('"loss": 0.5, ', "", 1)), TRAINING, "row 3"),
    "odd rows": (lambda t: edit(t, TRAINING, lambda s: s.replace('"loss"', '"lost"', 1)), TRAINING, "same keys"),
    "other fields": (lambda t: edit(t, TRAINING, lambda s: s.replace('"loss"', '"lost"')), TRAINING, "loss"),
    "missing image": (lambda t: (t / DOMAINS).unlink(), DOMAINS, "domains.png"),
    "empty image": (lambda t: (t / DOMAINS).write_bytes(b""), DOMAINS, "empty"),
    "damaged image": (damage, DOMAINS, "damaged"),
    "cut image": (lambda t: (t / DOMAINS).write_bytes((t / DOMAINS).read_bytes()[:-12]), DOMAINS, "damaged"),
    "not an image": (lambda t: (t / DOMAINS).write_bytes(b"version https://git-lfs"), DOMAINS, "not a PNG"),
    "odd dvc.yaml": (lambda t: (t / "dvc.yaml").write_text("stages: ["), "dvc.yaml", "dvc.yaml"),
}


@pytest.mark.parametrize("side", ["main", "candidate"])
@pytest.mark.parametrize("name", SPOILT)
def test_what_cannot_be_read_is_an_error_with_plot_side_and_remedy(two: Path, name: str, side: str) -> None:
    """A spoilt file or definition on one side is named with that side, and nothing is drawn."""
    spoil, place, what = SPOILT[name]
    spoil(two)
    if side == "main":
        commit(two)
        run(two, "git", "checkout", "--quiet", "HEAD~1", "--", ".")
    with pytest.raises(VerdictError) as caught:
        draw(two, "HEAD", None, two / "out")
    assert (caught.value.where, bool(caught.value.remedy)) == (f"{place} of {side}", True)
    assert what in caught.value.what
    assert not (two / "out").exists()


def template(folder: Path, change: Callable[[str], str]) -> None:
    """Rewrite the template of the plot."""
    edit(folder, ".dvc/plots/training.json", change)


def one_file_for_two(folder: Path) -> None:
    """Add a plot that differs in its suffix alone."""
    edit(folder, "dvc.yaml", lambda s: s.replace(DOMAINS, "plots/training.yaml"))
    (folder / "plots/training.yaml").write_text("[]", encoding="utf-8")


def no_rows(folder: Path) -> None:
    """Commit a file without rows; DVC finds fault with it only where x or y is given."""
    edit(folder, "dvc.yaml", lambda s: re.sub(r"(?m)^ *[xy]: .*\n", "", s))
    (folder / TRAINING).write_text('{"loss": 1}', encoding="utf-8")
    commit(folder)


UNDRAWABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "template not JSON": (lambda t: template(t, lambda s: s[:-9]), "Unterminated"),
    "unknown template": (
        lambda t: edit(t, "dvc.yaml", lambda s: s.replace(": training\n", ": trainings\n")),
        "trainings",
    ),
    "unknown anchor": (lambda t: template(t, lambda s: s.replace("METRIC_Y_LABEL", "METRIC_Z")), "<DVC_METRIC_Z>"),
    "no data": (lambda t: template(t, lambda s: s.replace('"<DVC_METRIC_DATA>"', "[]")), "DATA"),
    "odd mark": (
        lambda t: template(t, lambda s: s.replace('"type": "line"', '"type": "nonsense"')),
        "conversion failed",
    ),
    "from elsewhere": (
        lambda t: template(
            t, lambda s: s.replace('"spec": {', '"spec": {"data": {"url": "http://127.0.0.1:9/x.json"},')
        ),
        "not allowed",
    ),
    "one file for two": (one_file_for_two, "plots_training.png"),
    "no rows": (no_rows, "no rows"),
}


@pytest.mark.parametrize("name", UNDRAWABLE)
def test_what_cannot_be_drawn_is_an_error(two: Path, name: str) -> None:
    """A template or definition that DVC or Vega-Lite refuses is an error that says why."""
    spoil, what = UNDRAWABLE[name]
    spoil(two)
    with pytest.raises(VerdictError, match=re.escape(what)) as caught:
        draw(two, "HEAD", None, two / "out")
    assert caught.value.where in (TRAINING, f"{TRAINING} of main", ".dvc/plots")


def test_a_revision_that_is_not_there_is_named(two: Path, tmp_path: Path) -> None:
    """An unknown revision on either side, and a folder that is no repository, are errors that name them."""
    for base, candidate in (("0123456789", None), ("HEAD", "0123456789")):
        with pytest.raises(VerdictError, match="0123456789"):
            draw(two, base, candidate, tmp_path / "out")
    with pytest.raises(VerdictError, match="remedy"):
        draw(tmp_path, "HEAD", None, tmp_path / "out")
