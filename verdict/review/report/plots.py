"""Draw every plot of dvc.yaml, of base and candidate together, as PNG files for a comment.

DVC reads the data and fills in the templates, as for `dvc plots diff`; its errors are errors here. A plot that only one
side has is drawn for that side.
"""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.repo.plots import CANDIDATE, MAIN, PlotData, Row, plot_errors, read_plots
from verdict.review.report.png import decode, encode, stack
from verdict.review.report.vega import SCALE, render

if TYPE_CHECKING:
    from dvc.repo import Repo
    from PIL.Image import Image

BOTH = f"{MAIN} and {CANDIDATE}"
_TITLE_WIDTH = 54  # characters; in one line the longest title would be wider than its plot
# How base and candidate differ in a plot, by the channel with which its template encodes `rev`.
_CHANNELS = {
    "row": ("above", "below"),
    "column": ("left", "right"),
    "facet": ("first panel", "second panel"),
    "strokeDash": ("solid lines", "dashed lines"),
    "shape": ("circles", "squares"),
    "color": ("first colour", "second colour"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of dvc.yaml, drawn.

    `name` is DVC's, `files` are relative to the out folder, `alt` describes the plot and how the two sides differ in
    it; `unchanged` when both have the same data. At a width of `width` CSS pixels text has its natural size.
    """

    name: str
    title: str
    files: tuple[str, ...]
    alt: str
    unchanged: bool
    width: int = 800


def draw(root: Path, base: str, candidate: str | None, out: Path, repo: "Repo | None" = None) -> list[Plot]:
    """Draw every plot that `base` or the candidate declares, in DVC's order; the same data give the same bytes.

    Args:
        root: of the repository; the current folder must be it, or lie outside of it.
        base: the revision to show as main.
        candidate: the other revision; None for the working tree.
        out: folder for the files; those of the same names are overwritten, others stay.
        repo: DVC's view of `root`, if it is open already.

    Raises:
        VerdictError: for a revision, definition, template or file that cannot be read or drawn, with the side at fault.
    """
    sources = [_with_images(source) for source in read_plots(root, base, candidate, repo)]
    names = [_file_name(source.name) for source in sources]
    for source, name in zip(sources, names, strict=True):
        if names.count(name) > 1:
            raise VerdictError(source.name, f"another plot is drawn as {name} too", "rename one of them in dvc.yaml")
    out.mkdir(parents=True, exist_ok=True)
    return [_draw(source, out / name) for source, name in zip(sources, names, strict=True)]


def _with_images(source: PlotData) -> PlotData:
    """Decode the pictures of a source of pictures; return any other as it is."""
    if source.renderer.TYPE != "image":
        return source
    return replace(source, sides={side: decode(png, f"{source.name} of {side}") for side, png in source.sides.items()})


def _file_name(plot: str) -> str:
    """plots_confusion.png for plots/confusion.json."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", re.sub(r"\.(json|ya?ml|[ct]sv|png|jpe?g|gif|svg)$", "", plot)) + ".png"


def _draw(source: PlotData, path: Path) -> Plot:
    """Write the picture of one plot; where both sides are the same, of one side for both."""
    sides, labels = source.sides, source.renderer.properties
    unchanged = len(sides) == 2 and sides[MAIN] == sides[CANDIDATE]
    shown = {BOTH: sides[MAIN]} if unchanged else sides
    title = what = str(labels["title"])
    scale = 1 if source.renderer.TYPE == "image" else SCALE
    if source.renderer.TYPE == "image":
        channels, picture = ["row"], stack(shown)
    elif any(shown.values()):
        what += f": {labels['y_label']} against {labels['x_label']}"
        channels, picture = _filled(source, shown)
    else:  # a picture that says so: a missing one would look like a defect
        none = {"data": {"values": [{}]}, "mark": {"type": "text", "text": "no rows"}, "width": 300}
        channels, picture = [], _rendered(source.name, {"title": title, **none})
    path.write_bytes(encode(picture))
    alt = f"{what}. {_legend(shown, channels)}."
    return Plot(source.name, title, (path.name,), alt, unchanged, picture.width // scale)


def _legend(shown: dict[str, Any], channels: list[str]) -> str:
    """Describe which side is which, or why there is only one."""
    if BOTH in shown:
        return f"{BOTH} are the same, drawn once"
    if len(shown) == 1:
        return f"Only {next(iter(shown))} has this plot"
    if empty := [side for side, content in shown.items() if not content]:
        return f"{empty[0]} has no rows"
    used = [channel for channel in _CHANNELS if channel in channels]
    distinct = [channel for channel in used if channel != "color"] or used
    words = (", ".join(_CHANNELS[channel][place] for channel in distinct) for place in (0, 1))
    return "; ".join(f"{side}: {look or 'not told apart'}" for side, look in zip(shown, words, strict=True))


def _filled(source: PlotData, shown: dict[str, list[Row]]) -> tuple[list[str], "Image"]:
    """Fill in the template; return the channels that distinguish the sides, and the plot."""
    renderer = source.renderer
    renderer.datapoints = [{**row, "rev": side} for side, rows in shown.items() for row in rows]
    renderer.properties["revs_with_datapoints"] = list(shown)  # DVC's own templates name them in their scales
    with plot_errors(source.name):
        specification = json.loads(json.dumps(renderer.get_filled_template(), allow_nan=False))
    channels = [(key, part) for key, part in _parts(specification) if key in _CHANNELS and isinstance(part, dict)]
    by_side = [(key, part) for key, part in channels if part.get("field") == "rev"]
    for _, part in by_side:
        part["sort"] = list(shown)  # Vega-Lite's own order is the alphabet's, which has candidate first
    for key, part in channels:
        if key in ("row", "column") and part.get("sort", "") is None:  # facets do not keep the rows' order
            field = part.get("field")
            part["sort"] = list(dict.fromkeys(row[field] for row in renderer.datapoints if field in row))
    return [key for key, _ in by_side], _rendered(source.name, specification)


def _parts(specification: Any, key: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Each part of a specification with its key, at any depth, except titles and the plot's rows."""
    yield key, specification
    if isinstance(specification, list):
        for part in specification:
            yield from _parts(part, key)
    elif isinstance(specification, dict):
        for name, part in specification.items():
            if name not in ("values", "datasets", "title"):
                yield from _parts(part, name)


def _rendered(name: str, specification: dict[str, Any]) -> "Image":
    """Draw a Vega-Lite specification, with its title wrapped; refuse one that loads something from elsewhere."""
    # vl-convert fetches what an image mark names.
    if any(key in ("url", "href") or part == "image" for key, part in _parts(specification)):
        raise VerdictError(name, "its template loads a picture or data from elsewhere", "draw what is in its file")
    title = specification.get("title")
    if isinstance(title, dict) and isinstance(title.get("text"), str):
        title["text"] = textwrap.wrap(title["text"], _TITLE_WIDTH)
    text = json.dumps(specification)
    if anchor := re.search(r"<DVC_METRIC_\w*>", text):
        what = f"its template asks for {anchor[0]}, which DVC does not fill"
        raise VerdictError(name, what, "mend the template in .dvc/plots")
    with plot_errors(name):
        return decode(render(text), name)
