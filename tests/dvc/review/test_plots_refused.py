"""A plot that cannot be drawn is an error, and never left out: one damaged file at a time."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents import edit
from tests.dvc.review import plot_repositories
from tests.dvc.review.plot_repositories import SCORES, TRAINING, commit, run
from verdict.base.errors import VerdictError
from verdict.review.report.plots import draw

site_cache, originals, two = plot_repositories.site_cache, plot_repositories.originals, plot_repositories.two


def damage(folder: Path) -> None:
    """Turn one bit in the middle of an image."""
    png = bytearray((folder / SCORES).read_bytes())
    png[len(png) // 2] ^= 1
    (folder / SCORES).write_bytes(png)


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
    "missing image": (lambda t: (t / SCORES).unlink(), SCORES, "scores.png"),
    "empty image": (lambda t: (t / SCORES).write_bytes(b""), SCORES, "empty"),
    "damaged image": (damage, SCORES, "damaged"),
    "cut image": (lambda t: (t / SCORES).write_bytes((t / SCORES).read_bytes()[:-12]), SCORES, "damaged"),
    "not an image": (lambda t: (t / SCORES).write_bytes(b"version https://git-lfs"), SCORES, "not a PNG"),
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
    edit(folder, "dvc.yaml", lambda s: s.replace(SCORES, "plots/training.yaml"))
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
        "from elsewhere",
    ),
    "a picture": (
        lambda t: template(t, lambda s: s.replace('"type": "line"', '"type": "image"')),
        "from elsewhere",
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
