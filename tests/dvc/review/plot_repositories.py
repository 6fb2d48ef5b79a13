"""Small DVC repositories with plots and the real templates. A test module takes the fixtures by name."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from tests import warm
from tests.conftest import ROOT
from tests.documents import load, save
from verdict.review.report.plots import Plot

CLASSES = ("ham", "spam", "eggs")
TRAINING, SCORES = "plots/training.json", "plots/scores.png"


def declared() -> dict[str, dict[str, Any]]:
    """The plots of the real dvc.yaml with their definitions, by name."""
    stages = load(ROOT / "dvc.yaml")["stages"].values()
    return {name: body for stage in stages for entry in stage.get("plots", []) for name, body in entry.items()}


def rows(name: str, shift: float) -> list[dict[str, Any]]:
    """A few rows of each plot; another `shift`, below 0.1, gives another candidate."""
    fields: dict[str, list[dict[str, Any]]] = {
        "plots/confusion.json": [
            {"slice": name, "actual": actual, "predicted": "ham", "count": 7, "share": 0.5 + shift}
            for name in ("overall", "mails")
            for actual in CLASSES
        ],
        "plots/mistakes.json": [
            {"id": f"news-{n}", "slice": "news", "mistake": "odd", "confidence": 0.9 - n / 9 + shift, "rating": 0.2}
            for n in range(3)
        ],
        "plots/precision_recall.json": [
            {"class": name, "recall": recall, "precision": 0.9 - recall / 2 + shift}
            for name in CLASSES
            for recall in (0.0, 0.5, 1.0)
        ],
        "plots/reliability.json": [{"confidence": c, "accuracy": c + shift, "n": 9} for c in (0.4, 0.6, 0.8)],
        TRAINING: [
            {"epoch": epoch, "on": split, "loss": 1 / epoch + shift, "validation_headline": 0.7}
            for epoch in (1, 2, 3)
            for split in ("training", "validation")
        ],
    }
    return fields[name]


def write(folder: Path, name: str, shift: float) -> None:
    """Write the data of a plot, or a picture whose size depends on the shift."""
    (folder / "plots").mkdir(exist_ok=True)
    if name.endswith(".png"):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><circle r="{20 + shift * 100}"/></svg>'
        (folder / name).write_bytes(vl_convert.svg_to_png(svg))
    else:
        (folder / name).write_text(json.dumps(rows(name, shift)), encoding="utf-8")


def declare(folder: Path, names: list[str]) -> None:
    """Write a dvc.yaml with one stage that has these plots, declared as in the real one."""
    stage = {"cmd": "true", "plots": [{name: declared()[name]} for name in names]}
    save(folder / "dvc.yaml", {"stages": {"draw": stage}})


def run(folder: Path, *command: str) -> None:
    """Run a command in the folder, with this interpreter's scripts first."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "EMAIL"), "nobody")
    environment = {**os.environ, **names, "PATH": warm.path()}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


def commit(folder: Path) -> None:
    """Commit everything."""
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "All")


def repository(folder: Path, names: list[str]) -> Path:
    """A committed repository with these plots and this repository's templates; no stage has run in it."""
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
    """Use a temporary site cache of DVC, not the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        yield


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A repository with all plots, and one with a plot and an image."""
    folder = tmp_path_factory.mktemp("plots")
    return {
        "all": repository(folder / "all", list(declared())),
        "two": repository(folder / "two", [TRAINING, SCORES]),
    }


@pytest.fixture
def everything(originals: dict[str, Path], tmp_path: Path) -> Path:
    """A repository with all plots, each of which differs between working tree and commit."""
    folder = Path(shutil.copytree(originals["all"], tmp_path / "tree"))
    for name in declared():
        write(folder, name, 0.05)
    return folder


@pytest.fixture
def two(originals: dict[str, Path], tmp_path: Path) -> Path:
    """A repository with one plot and one image, the same in working tree and commit."""
    return Path(shutil.copytree(originals["two"], tmp_path / "tree"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record the Vega-Lite specifications that are drawn, in order."""
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
    """The plots by name; a name that occurs twice fails."""
    assert len({plot.name for plot in plots}) == len(plots)
    return {plot.name: plot for plot in plots}
