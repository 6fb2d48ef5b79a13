"""report.md for GitHub with its pictures, and report.html, the same in one file."""

import html
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.base.printable import plain
from verdict.repo.revisions import Store
from verdict.review.data import data_change
from verdict.review.evidence import Evidence
from verdict.review.gate import Review
from verdict.review.policy import report_of
from verdict.review.report import context, sections
from verdict.review.report.markup import (
    Block,
    Section,
    fit,
    own,
    paragraph,
    render,
)
from verdict.review.report.page import page
from verdict.review.report.plots import Plot, draw

_WIDTH = 560  # CSS pixels at most: large enough to read, and two fit on a screen

_CLAIM = (
    "Plots are drawn from files that each side's own stages wrote, and are not computed again as the figures above are."
)


def write(review: Review, store: Store, base: Evidence | None, candidate: Evidence, out: Path) -> None:
    """Write the report into `out`: report.md last, so that nobody takes the pictures of another for its own."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob("*.png"), *out.glob("report.*")]:
        stale.unlink()
    parts = list(_sections(review, store, base, candidate, out))
    title = html.escape(plain(f"{review.candidate.short}: {review.headline}"))
    write_text(out / "report.html", page(title, "\n".join(render(part) for part in parts), out))
    write_text(out / "report.md", fit(parts))


def _sections(review: Review, store: Store, base: Evidence | None, candidate: Evidence, out: Path) -> Iterator[Section]:
    """In the order in which a reviewer asks. What cannot be had is said in its place, and does not hide the rest."""
    yield sections.verdict(review)
    if review.rules:
        yield sections.rules(review)
    if review.findings:
        yield sections.findings(review.findings)
    comparison = review.comparison
    if comparison and not comparison.unchanged:
        yield sections.metrics(review, comparison)
        yield sections.domains(comparison)
        yield sections.other_metrics(comparison)
    elif review.figures:
        yield sections.figures(review)
    own_revision, judge = candidate.revision, base.revision if base else candidate.revision
    if base:
        main = base.revision
        yield sections.params(review.changes)
        yield _or_reason("Data", 4, lambda: context.data(data_change(store, main, own_revision)))
    if base and base.revision.commit:
        commit = base.revision.commit
        yield _or_reason("Plots", 3, lambda: _plots(draw(store.root, commit, own_revision.commit, out, store.repo)))
    if comparison and not comparison.unchanged:
        texts = dict(zip(candidate.test["id"], candidate.test["text"], strict=True))
        yield from sections.sentences(comparison, texts)
    if base and base.revision.commit:
        main_commit = base.revision.commit
        yield _or_reason("Files changed", 7, lambda: context.files(review, main_commit))
    yield _or_reason("What ran", 5, lambda: context.runs(own_revision, report_of(judge)))
    yield _or_reason("How to reproduce", 2, lambda: context.reproduce(review))
    yield context.environment()


def _or_reason(title: str, rank: int, make: Callable[[], Section]) -> Section:
    try:
        return make()
    except Exception as caught:  # a part of the report that breaks must not take the verdict with it
        error = caught if isinstance(caught, VerdictError) else _defect(caught)
        text = f"⚠️ Not to be had: {own(error.where)}: {own(error.what)}<br>Remedy: {own(error.remedy)}"
        return Section(title, [paragraph(text)], rank)


def _defect(error: Exception) -> VerdictError:
    traceback.print_exc()
    return VerdictError("report", f"{type(error).__name__}: {error}", "see the log")


def _plots(plots: list[Plot]) -> Section:
    """Every plot with its alternative text; those that are the same on both sides folded, after the others."""
    blocks = [Block(_picture(plot)) for plot in plots if not plot.unchanged]
    if same := [plot for plot in plots if plot.unchanged]:
        pictures = "\n".join(map(_picture, same))
        summary = f"<summary>{len(same)} of {len(plots)} plots are the same as on main</summary>"
        blocks.append(Block(f"<details>\n{summary}\n{pictures}\n</details>"))
    if blocks:
        blocks.append(paragraph(f"<sub>{_CLAIM}</sub>"))
    return Section("Plots", blocks or [paragraph("dvc.yaml declares none.")], 3)


def _picture(plot: Plot) -> str:
    alt = html.escape(plain(plot.alt, 600))
    width = min(plot.width, _WIDTH)
    return "\n".join(f'<p><img src="{file}" alt="{alt}" width="{width}"></p>' for file in plot.files)
