"""The plots that dvc.yaml declares, as DVC reads them from two revisions, with the templates that belong to them.

DVC's list of errors is never passed over: what it cannot read is an error here.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.repo.dvc import repository

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
    """A plot as DVC has read it: its rows, or the bytes of its picture, by side, main first; `renderer` is DVC's."""

    name: str
    renderer: Any
    sides: dict[str, Any]


def reason(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def plot_errors(where: str) -> Iterator[None]:
    """Turn what DVC, a template or Vega-Lite refuses into a `VerdictError`."""
    from dvc.exceptions import DvcException
    from dvc_render.exceptions import DvcRenderError  # type: ignore[import-untyped]

    try:
        yield
    except (DvcException, DvcRenderError, ValueError) as error:
        remedy = "mend its definition in dvc.yaml, or its template in .dvc/plots"
        raise VerdictError(where, reason(error), remedy) from None


def read_plots(root: Path, base: str, candidate: str | None, repo: "Repo | None" = None) -> list[PlotData]:
    """What is to be drawn of each plot that `base` or the candidate declares, in DVC's order.

    Args:
        root: of the repository; the current folder must be it, or lie outside of it.
        base: the revision to show as main.
        candidate: the other revision; None for the working tree.
        repo: DVC's view of `root`, where it is there already.

    Raises:
        VerdictError: for a revision, definition, template or file that DVC cannot read, with the side at fault.
    """
    with TemporaryDirectory(prefix="verdict-") as templates:
        revisions = {CANDIDATE: candidate or "workspace", MAIN: base}
        data = _read(root, repo, revisions, Path(templates))
        return list(_sources(data, templates))


def _read(root: Path, repo: "Repo | None", revisions: dict[str, str], templates: Path) -> dict[str, Any]:
    """DVC's definitions and contents of all plots by side; the templates of both are left in the folder `templates`.

    The candidate comes first: where both sides define a plot, DVC draws by the first definition.
    """
    from dvc.exceptions import DvcException

    try:
        with nullcontext(repo) if repo else repository(root) as used:
            for side in (MAIN, CANDIDATE):  # the candidate's templates replace main's
                _copy_templates(used, revisions[side], templates)
            shown = used.plots.show(revs=list(dict.fromkeys(revisions.values())))
    except DvcException as error:
        where, remedy = " and ".join(revisions.values()), "git fetch origin, and run at the root of the repository"
        raise VerdictError(f"{where} of {root}", reason(error), remedy) from None
    data = {side: shown.get(revision, {}) for side, revision in revisions.items()}
    for side, content in data.items():
        for where, what in _read_errors(content):
            raise VerdictError(f"{where} of {side}", what, _REMEDIES[side])
    return data


def _copy_templates(repo: "Repo", revision: str, target: Path) -> None:
    """DVC looks for templates in the working tree alone, but a plot that only a revision has may need its own."""
    with repo.switch(revision):
        folder = repo.fs.join(repo.root_dir, ".dvc", "plots")
        for file in repo.fs.find(folder):
            copy = target / repo.fs.relpath(file, folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(repo.fs.cat_file(file))


def _read_errors(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each place in the contents of one side where DVC has put an error instead of data."""
    definitions, files = content.get("definitions", {}), content.get("sources", {})
    places = [("", definitions), ("", files), *definitions.get("data", {}).items(), *files.get("data", {}).items()]
    yield from ((where or "dvc.yaml", reason(place["error"])) for where, place in places if "error" in place)


def _sources(data: dict[str, Any], templates: str) -> Iterator[PlotData]:
    """What is to be drawn of each plot that a side declares."""
    from dvc.render.match import PlotsData, match_defs_renderers
    from dvc.repo.plots import infer_data_sources

    with plot_errors(".dvc/plots"):
        matched = match_defs_renderers(data=data, templates_dir=templates)
    for (name, group), (renderer, _, errors) in zip(PlotsData(data).group_definitions().items(), matched, strict=True):
        sides: dict[str, Any] = {}
        for side, path, definition in reversed(group):  # main first
            where = f"{name} of {side}"
            if error := errors.get(side):
                what = f"DVC cannot make rows of it, all with the same keys: {reason(error)}"
                raise VerdictError(where, what, _REMEDIES[side])
            files = data[side]["sources"]["data"]
            raw = [files[file].get("data") for file in infer_data_sources(path, definition)]
            sides[side] = raw[0] if renderer.TYPE == "image" else _rows(where, side, renderer, any(raw))
        yield PlotData(name, renderer, sides)


def _rows(where: str, side: str, renderer: Any, expected: bool) -> list[Row]:  # noqa: ANN401 - DVC has no types
    """The rows of one side, of finite numbers; none only where none are `expected`, since the file is an empty list."""
    remedy = "write a list of rows, all with the same keys and with finite numbers"
    rows = [{key: row[key] for key in row if key != "rev"} for row in renderer.datapoints if row["rev"] == side]
    if expected and not rows:
        raise VerdictError(where, "DVC finds no rows in it", remedy)
    drawn = [renderer.properties[axis] for axis in ("x", "y")] if rows else []
    for number, row in enumerate(rows, 1):
        for key in dict.fromkeys([*row, *drawn]):
            value = row.get(key)
            if (value is None and key in drawn) or (isinstance(value, float) and not math.isfinite(value)):
                raise VerdictError(where, f"row {number}: {key} is {value}", remedy)
    return rows
