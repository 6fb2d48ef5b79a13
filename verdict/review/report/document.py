"""Write report.md for GitHub with its pictures, and report.html, the same in one file."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.repo.revisions import Store
from verdict.review.data import data_change
from verdict.review.evidence import Evidence
from verdict.review.gate import Review
from verdict.review.policy import report_of
from verdict.review.report import context, sections
from verdict.review.report.markup import Section, fit, render
from verdict.review.report.page import page
from verdict.review.report.plots import draw
from verdict.review.report.production import against_production
from verdict.review.report.sections import SECTIONS, slice_title


def write(review: Review, store: Store, base: Evidence | None, candidate: Evidence, out: Path) -> None:
    """Write the report into `out`: report.md last, so that it never comes with the pictures of another report."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob("*.png"), *out.glob("report.*")]:
        stale.unlink()
    parts = list(_sections(review, store, base, candidate, out))
    title = f"{review.candidate.short}: {review.headline}"
    write_text(out / "report.html", page(title, "\n".join(map(render, parts)), out))
    write_text(out / "report.md", fit(parts))


def _sections(review: Review, store: Store, base: Evidence | None, candidate: Evidence, out: Path) -> Iterator[Section]:
    """The sections in the order of a reviewer's questions; one that fails is replaced by the reason."""
    yield SECTIONS("verdict", review, against_production(review, base, candidate))
    if review.rules:
        yield SECTIONS("rules", review)
    if review.findings:
        yield SECTIONS("findings", review.findings)
    comparison, revision = review.comparison, candidate.revision
    if comparison and not comparison.unchanged:
        yield SECTIONS("metrics", review, comparison)
        yield from sections.slices(review, comparison)
        yield sections.classes(comparison)
    elif review.figures:
        yield sections.figures(review)
    main = base.revision if base else None
    if main:
        # A key that is null on one side and a group on the other appears as the keys of the group.
        changes = [change for change in review.changes if (change.base, change.candidate) != (None, None)]
        yield SECTIONS("params", changes)
        yield _or_reason("Data", 4, lambda: context.data(data_change(store, main, revision), slice_title(revision)))
    commit = main.commit if main else None
    if commit:
        sides = (commit, revision.commit)
        yield _or_reason("Plots", 3, lambda: SECTIONS("plots", draw(store.root, *sides, out, store.repo)))
    if comparison and not comparison.unchanged:
        texts = dict(zip(candidate.test["id"], candidate.test["text"], strict=True))
        yield from (sections.texts(comparison, texts, kind) for kind in ("fixed", "broken"))
    if commit:
        yield _or_reason("Files changed", 7, lambda: context.files(review, commit))
    yield _or_reason("What ran", 5, lambda: context.runs(revision, report_of(main or revision)))
    yield _or_reason("How to reproduce", 2, lambda: context.reproduce(review))
    yield context.environment()


def _or_reason(title: str, rank: int, make: Callable[[], Section]) -> Section:
    try:
        return make()
    except VerdictError as error:
        return SECTIONS("missing", title, rank, error)
    except Exception as error:  # an error in one section must not prevent the verdict
        traceback.print_exc()
        defect = VerdictError("report", f"{type(error).__name__}: {error}", "see the log")
        return SECTIONS("missing", title, rank, defect)
