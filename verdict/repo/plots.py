"""Read the plots that dvc.yaml declares, by DVC, from two revisions, each with its templates.

DVC only lists its errors; each of them is raised here.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.repo.dvc import one_line, repository

if TYPE_CHECKING:
    from dvc.repo import Repo

MAIN, CANDIDATE = "main", "candidate"
_REMEDIES = {
    MAIN: "mend it on main first, or give the changed plot another file name: then each side is drawn alone",
    CANDIDATE: "dvc repro, and commit what it writes",
}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlotData:
    """A plot as DVC has read it: by side, main first, its rows or the bytes of its picture; `renderer` is DVC's."""

    name: str
    renderer: Any
    sides: dict[str, Any]


@contextmanager
def plot_errors(where: str) -> Iterator[None]:
    """Turn an error of DVC, a template or Vega-Lite into a `VerdictError`."""
    from dvc.exceptions import DvcException
    from dvc_render.exceptions import DvcRenderError  # type: ignore[import-untyped]

    try:
        yield
    except (DvcException, DvcRenderError, ValueError) as error:
        remedy = "mend its definition in dvc.yaml, or its template in .dvc/plots"
        raise VerdictError(where, one_line(error), remedy) from None


def read_plots(root: Path, base: str, candidate: str | None, repo: "Repo | None" = None) -> list[PlotData]:
    """Return the data of each plot that `base` or the candidate declares, in DVC's order.

    Args:
        root: the repository's root; the current folder must be it, or lie outside of it.
        base: the revision to show as main.
        candidate: the other revision; None for the working tree.
        repo: DVC's view of `root`, if it is open already.

    Raises:
        VerdictError: DVC cannot read a revision, definition, template or file; the message names the side at fault.
    """
    with TemporaryDirectory(prefix="verdict-") as templates:
        revisions = {CANDIDATE: candidate or "workspace", MAIN: base}
        data = _read(root, repo, revisions, Path(templates))
        return list(_sources(data, templates))


def _read(root: Path, repo: "Repo | None", revisions: dict[str, str], templates: Path) -> dict[str, Any]:
    """Return DVC's definitions and contents of all plots by side; write the templates of both into `templates`.

    The candidate comes first: DVC draws a plot that both sides define by the first definition.
    """
    from dvc.exceptions import DvcException

    try:
        with nullcontext(repo) if repo else repository(root) as opened:
            for side in (MAIN, CANDIDATE):  # the candidate's templates replace main's
                _copy_templates(opened, revisions[side], templates)
            contents = opened.plots.show(revs=list(dict.fromkeys(revisions.values())))
    except DvcException as error:
        where, remedy = " and ".join(revisions.values()), "git fetch origin, and run at the root of the repository"
        raise VerdictError(f"{where} of {root}", one_line(error), remedy) from None
    data = {side: contents.get(revision, {}) for side, revision in revisions.items()}
    for side, content in data.items():
        for where, reason in _read_errors(content):
            raise VerdictError(f"{where} of {side}", reason, _REMEDIES[side])
    return data


def _copy_templates(repo: "Repo", revision: str, target: Path) -> None:
    """Copy a revision's templates: DVC looks for them in the working tree alone."""
    with repo.switch(revision):
        folder = repo.fs.join(repo.root_dir, ".dvc", "plots")
        for file in repo.fs.find(folder):
            copy = target / repo.fs.relpath(file, folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(repo.fs.cat_file(file))


def _read_errors(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each place in the contents of one side where DVC has put an error instead of data, and the error."""
    definitions, files = content.get("definitions", {}), content.get("sources", {})
    places = [("", definitions), ("", files), *definitions.get("data", {}).items(), *files.get("data", {}).items()]
    yield from ((where or "dvc.yaml", one_line(place["error"])) for where, place in places if "error" in place)


def _sources(data: dict[str, Any], templates: str) -> Iterator[PlotData]:
    """Yield the data of each plot that a side declares."""
    from dvc.render.match import PlotsData, match_defs_renderers
    from dvc.repo.plots import infer_data_sources

    with plot_errors(".dvc/plots"):
        matched = match_defs_renderers(data=data, templates_dir=templates)
    for (name, group), (renderer, _, errors) in zip(PlotsData(data).group_definitions().items(), matched, strict=True):
        sides: dict[str, Any] = {}
        for side, path, definition in reversed(group):  # main first
            where = f"{name} of {side}"
            if error := errors.get(side):
                what = f"DVC cannot make rows of it, all with the same keys: {one_line(error)}"
                raise VerdictError(where, what, _REMEDIES[side])
            files = data[side]["sources"]["data"]
            raw = [files[file].get("data") for file in infer_data_sources(path, definition)]
            sides[side] = raw[0] if renderer.TYPE == "image" else _rows(where, side, renderer, any(raw))
        yield PlotData(name, renderer, sides)


def _rows(where: str, side: str, renderer: Any, expected: bool) -> list[Row]:  # noqa: ANN401 - DVC has no types
    """Return the rows of one side, all numbers finite; no rows are an error if they are `expected`."""
    remedy = "write a list of rows, all with the same keys and with finite numbers"
    rows = [{key: row[key] for key in row if key != "rev"} for row in renderer.datapoints if row["rev"] == side]
    if expected and not rows:
        raise VerdictError(where, "DVC finds no rows in it", remedy)
    axes = [renderer.properties[axis] for axis in ("x", "y")] if rows else []
    for number, row in enumerate(rows, 1):
        for key in dict.fromkeys([*row, *axes]):
            value = row.get(key)
            if (value is None and key in axes) or (isinstance(value, float) and not math.isfinite(value)):
                raise VerdictError(where, f"row {number}: {key} is {value}", remedy)
    return rows
