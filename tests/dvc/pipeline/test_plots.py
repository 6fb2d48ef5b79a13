"""The plots that dvc.yaml defines: complete, labelled, drawable, for one revision and for two."""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from tests.dvc.pipeline.clone import Clone, declared_outs
from tests.shared import once

pytestmark = pytest.mark.slow

Plots = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def compared(experiment: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A bag committed and another in the workspace: both make mistakes, so that no plot is empty; not to be changed."""

    def build(folder: Path) -> None:
        clone = experiment.copy(folder / "verdict")
        clone.commit("A bag")
        clone.run("dvc", "exp", "run", "-S", "train.seed=7")

    made = Clone(once(tmp_path_factory.getbasetemp(), "compared", build) / "verdict")
    return made.copy(tmp_path_factory.mktemp("compared") / "verdict")


@pytest.fixture(scope="session", params=[1, 2], ids=["one revision", "two revisions"])
def plots(request: pytest.FixtureRequest, compared: Clone) -> Plots:
    """The plots that DVC would draw of one revision and of two: revisions with Vega specification or image."""
    command = {1: ("show",), 2: ("diff", "HEAD")}[request.param]
    answer = compared.read_json("dvc", "plots", *command, "--json")
    assert not answer.get("errors")
    revisions = {1: {"workspace"}, 2: {"workspace", "HEAD"}}[request.param]
    found: Plots = answer["data"]
    for name, entries in found.items():
        assert {revision for entry in entries for revision in entry["revisions"]} == revisions, name
        assert not any(entry.get("errors") for entry in entries), name
    return found


def definitions(clone: Clone) -> dict[str, dict[str, Any]]:
    """The plots that dvc.yaml defines, in a stage or at its top level, by name."""
    document = clone.dag()
    groups = [document, *document["stages"].values()]
    return {name: body for group in groups for entry in group.get("plots", []) for name, body in entry.items()}


def drawn(plots: Plots) -> dict[str, dict[str, Any]]:
    """The Vega-Lite specification of each plot that is not an image."""
    return {name: entries[0]["content"] for name, entries in plots.items() if entries[0]["type"] == "vega"}


def words_of(specification: dict[str, Any]) -> str:
    """All text in the picture, in one line."""
    svg = vl_convert.vegalite_to_svg(json.dumps(specification))
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)).replace("&lt;", "<").replace("&amp;", "&")


def test_every_defined_plot_appears_with_title_and_axis_labels(plots: Plots, compared: Clone) -> None:
    """Each plot of dvc.yaml is drawn with the title and both axis labels of dvc.yaml."""
    wanted = definitions(compared)
    assert set(plots) == set(wanted)
    assert set(drawn(plots)) == {name for name, body in wanted.items() if "template" in body}
    for name, specification in drawn(plots).items():
        words = words_of(specification)
        for key in ("title", "x_label", "y_label"):
            assert wanted[name][key] in words, f"{name}: {key}"


def test_every_plot_renders(plots: Plots) -> None:
    """Each plot becomes a PNG of a readable size that is another one without the data."""
    for name, specification in drawn(plots).items():
        png = vl_convert.vegalite_to_png(json.dumps(specification))
        assert png.startswith(b"\x89PNG\r\n\x1a\n"), name
        width, height = struct.unpack(">II", png[16:24])
        assert min(width, height) > 100, name
        assert len(png) > 5000, name
        assert png != vl_convert.vegalite_to_png(json.dumps({**specification, "data": {"values": []}})), name


def test_every_revision_is_drawn_and_told_apart(plots: Plots) -> None:
    """The data of each plot have rows of every revision, and its picture names both revisions."""
    for name, specification in drawn(plots).items():
        drawn_revisions = {row["rev"] for row in specification["data"]["values"]}
        assert drawn_revisions == set(plots[name][0]["revisions"]), name
        if len(drawn_revisions) > 1:
            words = words_of(specification)
            assert all(revision in words for revision in drawn_revisions), name


def test_no_anchor_is_left_and_every_number_is_one(plots: Plots) -> None:
    """No `<DVC_METRIC_...>` is left unfilled in a plot, and no value is NaN or infinite."""
    for name, specification in drawn(plots).items():
        text = json.dumps(specification)  # NaN and Infinity would be written by name
        assert "<DVC_METRIC_" not in text, name
        assert not re.search(r"\b(NaN|Infinity)\b", text), name


def test_fields_that_the_templates_draw_are_in_the_data(plots: Plots) -> None:
    """Each field that a plot encodes is in every row of its data."""
    for name, specification in drawn(plots).items():
        inline = {"a", "b"} if "reliability" in name.lower() else set()  # the diagonal has data of its own
        fields = set(re.findall(r'"field": "([^"]+)"', json.dumps({**specification, "data": None}))) - inline
        assert fields, name
        optional = {"validation_weighted_f1"}  # in tooltips, of the validation rows alone
        for row in specification["data"]["values"]:
            assert fields - optional <= set(row), name


def test_images_of_both_revisions_are_there(plots: Plots) -> None:
    """The picture of the scores is a PNG for each revision, of the size it was drawn in."""
    for entry in plots["plots/scores.png"]:
        png = Path(entry["url"]).read_bytes()
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert min(struct.unpack(">II", png[16:24])) > 200
        assert len(png) > 5000


def test_every_file_under_plots_is_declared(finished: Clone) -> None:
    """Each file that a repro leaves under plots/ is an uncached out of a stage, and is drawn."""
    outs = {name: cached for name, cached in declared_outs(finished.dag()) if name.startswith("plots/")}
    files = {path.relative_to(finished.path).as_posix() for path in (finished.path / "plots").rglob("*")}
    assert files == set(outs)
    assert not any(outs.values())
    drawn_from = [
        body["y"] if isinstance(body.get("y"), dict) else [name] for name, body in definitions(finished).items()
    ]
    assert {source for sources in drawn_from for source in sources} == files


def test_every_template_is_used(finished: Clone) -> None:
    """Each template under .dvc/plots is the template of a plot, and no plot names one that is not there."""
    templates = {path.stem for path in (finished.path / ".dvc/plots").glob("*.json")}
    assert templates == {body["template"] for body in definitions(finished).values() if "template" in body}


@pytest.mark.parametrize("name", ["confusion", "mistakes", "precision_recall", "reliability", "training"])
def test_plot_data_are_strict_json(finished: Clone, experiment: Clone, name: str) -> None:
    """Plot data are a JSON list of flat rows with finite numbers, one row a line."""
    for clone in (finished, experiment):
        text = (clone.path / f"plots/{name}.json").read_text(encoding="utf-8")

        def refuse(constant: str) -> None:
            raise AssertionError(f"{name}: {constant}")

        rows = json.loads(text, parse_constant=refuse)
        assert all(isinstance(value, str | int | float) for row in rows for value in row.values())
        assert sum(line.startswith("{") for line in text.splitlines()) == len(rows)


def test_looking_at_plots_leaves_the_tree_clean(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """`dvc plots show` writes its page where git ignores it."""
    clone = copy_of(finished)
    clone.run("dvc", "plots", "show")
    assert clone.changes() == ""
