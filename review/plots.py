"""Every plot that dvc.yaml declares, of main and of a candidate together, as PNG files for a comment.

DVC reads, joins and fills in as for `dvc plots diff`, whose own page is no use in a comment. Its list of errors is never
passed over: what it cannot read is an error here, and what only one side has is drawn for that side.
"""

import base64
import json
import math
import re
import textwrap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from classifier.errors import VerdictError

if TYPE_CHECKING:
    from dvc.repo import Repo

MAIN, CANDIDATE = "main", "candidate"
BOTH = f"{MAIN} and {CANDIDATE}"
SCALE = 2  # pixels of a drawn plot for each CSS pixel: sharp on telephones too
_TITLE_WIDTH = 54  # characters; in one line the longest title would be wider than its plot
_REMEDIES = {
    CANDIDATE: "dvc repro, and commit what it writes",
    MAIN: "mend it on main first, or give the changed plot another file name: then each side is drawn alone",
}
# How a template may tell revisions apart, by the channel that encodes `rev`; colour says nothing that these do not.
_MEANS = {
    "row": f"{MAIN} above, {CANDIDATE} below",
    "column": f"{MAIN} on the left, {CANDIDATE} on the right",
    "facet": f"a panel each, {MAIN} first",
    "strokeDash": f"{MAIN}'s lines are solid, {CANDIDATE}'s dashed",
    "shape": f"{MAIN}'s marks are circles, {CANDIDATE}'s squares",
}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Row = dict[str, Any]
Sides = dict[str, Any]  # by side, main first: the rows of a plot, or the bytes of an image


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of dvc.yaml, drawn.

    `name` is DVC's, `files` are relative to the out folder, `alt` says in words what is shown and how main and candidate
    are told apart; `unchanged` when both have the same data. At `width` CSS pixels text has its natural size, 12 or more.
    """

    name: str
    title: str
    files: tuple[str, ...]
    alt: str
    unchanged: bool
    width: int = 800


@dataclass(frozen=True, slots=True)
class _Source:
    """A plot as DVC has read it; `renderer` knows the template, the labels and the fields drawn as x and y."""

    name: str
    renderer: Any
    sides: Sides


def draw(root: Path, base: str, candidate: str | None, out: Path) -> list[Plot]:
    """Draw every plot that `base` or the candidate declares, in DVC's order; the same data give the same bytes.

    Args:
        root: of the repository, which is also the current folder or does not hold it.
        base: the revision to show as main.
        candidate: the other revision; None for the working tree.
        out: folder for the files; those of the same names are overwritten, others stay.

    Raises:
        VerdictError: for a revision, definition, template or file that cannot be read or drawn, with the side at fault.
    """
    with TemporaryDirectory(prefix="verdict-") as templates:
        data = _read(root, {CANDIDATE: candidate or "workspace", MAIN: base}, Path(templates))
        sources = _sources(data, templates)
    names = [_file_name(source.name) for source in sources]
    for source, name in zip(sources, names, strict=True):
        if names.count(name) > 1:
            raise VerdictError(source.name, f"is not the only plot that would be drawn as {name}", "rename one of them")
    out.mkdir(parents=True, exist_ok=True)
    return [_draw(source, out / name) for source, name in zip(sources, names, strict=True)]


def _file_name(plot: str) -> str:
    """plots_confusion.png for plots/confusion.json."""
    stem = re.sub(r"\.(json|ya?ml|[ct]sv|png|jpe?g|gif|svg)$", "", plot)
    return re.sub(r"[^A-Za-z0-9.-]+", "_", stem) + ".png"


def _read(root: Path, revisions: dict[str, str], templates: Path) -> dict[str, Any]:
    """DVC's definitions and contents of all plots by side, the candidate's first; the templates of both in a folder.

    Where both sides define a plot, DVC draws by the definition that comes first.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            for side in (MAIN, CANDIDATE):  # the candidate's replace main's of the same name
                _copy_templates(repo, revisions[side], templates)
            shown = repo.plots.show(revs=list(dict.fromkeys(revisions.values())))
    except DvcException as error:
        remedy = "git fetch origin, and run in a checkout that has both revisions"
        raise VerdictError(" and ".join(revisions.values()), _reason(error), remedy) from None
    data = {side: shown.get(revision, {}) for side, revision in revisions.items()}
    for side, content in data.items():
        for where, error in _read_errors(content):
            raise VerdictError(f"{where} of {side}", _reason(error), _REMEDIES[side])
    return data


def _copy_templates(repo: "Repo", revision: str, target: Path) -> None:
    """DVC looks for templates in the working tree alone: not where a plot went with its template, or came in a commit."""
    with repo.switch(revision):
        folder = repo.fs.join(repo.root_dir, ".dvc", "plots")
        for file in repo.fs.find(folder):
            copy = target / repo.fs.relpath(file, folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(repo.fs.read_bytes(file))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _read_errors(content: dict[str, Any]) -> Iterator[tuple[str, Exception]]:
    """Each place in the contents of one side where DVC has put an error instead of data."""
    definitions, sources = content.get("definitions", {}), content.get("sources", {})
    places = {"dvc.yaml": definitions, **definitions.get("data", {}), "plots": sources, **sources.get("data", {})}
    yield from ((where, place["error"]) for where, place in places.items() if "error" in place)


def _sources(data: dict[str, Any], templates: str) -> list[_Source]:
    """What is to be drawn of each plot that a side declares."""
    from dvc.render.match import PlotsData, match_defs_renderers

    with _drawing(".dvc/plots"):
        matched = match_defs_renderers(data=data, templates_dir=templates)
    groups = PlotsData(data).group_definitions()
    sources = []
    for (name, group), (renderer, _, errors) in zip(groups.items(), matched, strict=True):
        for side, error in errors.items():
            raise VerdictError(f"{name} of {side}", _reason(error), _REMEDIES[side])
        declared = {side: (path, definition) for side, path, definition in group}
        sides = {side: _content(data, side, renderer, *declared[side]) for side in (MAIN, CANDIDATE) if side in declared}
        sources.append(_Source(name, renderer, sides))
    return sources
