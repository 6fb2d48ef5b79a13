"""The report's sections on classes and slices: of 2 and of 100 classes, and of hostile names."""

import re
from dataclasses import replace
from pathlib import Path

import cmarkgfm
import numpy as np
import pandas as pd
import pytest
from cmarkgfm.cmark import Options

from tests.dvc.review.rendered_page import RenderedPage
from tests.unit.review.predictions import of_classes
from verdict.repo.revisions import Revision
from verdict.review.compare import Comparison, compare_tables
from verdict.review.data import summarize_changes
from verdict.review.gate import Review
from verdict.review.report import context, sections
from verdict.review.report.markup import Section, render
from verdict.review.report.sections import SECTIONS
from verdict.review.settings import ComparisonSettings

SETTINGS = ComparisonSettings(0.95, 1000, 1, 10, "macro_f1")
REVISION = Revision(Path(), "main", "0" * 40)
HOSTILE = (
    "</code></td></table><script>alert(1)</script>",
    "@everyone #1 GH-1 http://evil.example www.evil.example",
    "a|b `c` **d** ![x](http://evil.example/x.png)\n\n# heading",
    "\N{RIGHT-TO-LEFT OVERRIDE}turned\x00\x1b[31m",
    "{{ 7 * 7 }} {% raw %} ${GITHUB_TOKEN} " + "long " * 300,
)


def compared(
    labels: tuple[str, ...], slices: tuple[str, ...] = (), rows: int = 600, settings: ComparisonSettings = SETTINGS
) -> Comparison:
    """Two models of such classes, the second of which is worse."""
    tables = []
    for seed, noise in ((1, 1.0), (2, 1.6)):
        table = of_classes(np.random.default_rng(seed), rows, labels, noise)
        names = [slices[number % len(slices)] for number in range(rows)] if slices else []
        tables.append(table.assign(slice=names) if slices else table)
    base, candidate = tables
    return compare_tables(base, candidate, labels, settings)


def about(comparison: Comparison, slice_column: object = "source") -> Review:
    """A review with that comparison, of data whose slices are values of such a column."""
    params = {"data": {"slice": slice_column}, "evaluate": {}}
    candidate = replace(REVISION, name="candidate")
    candidate.__dict__["params"] = params
    policy = type("Policy", (), {"claims": lambda _, headline: (("overall", headline),)})()
    return Review(REVISION, candidate, metric=comparison.headline, policy=policy, comparison=comparison)


def written(comparison: Comparison, slice_column: object = "source") -> dict[str, Section]:
    """The sections on a comparison, by their titles."""
    review = about(comparison, slice_column)
    texts = dict.fromkeys(comparison.rows["id"], "a text")
    parts = [
        SECTIONS("metrics", review, comparison),
        *sections.slices(review, comparison),
        sections.classes(comparison),
        *(sections.texts(comparison, texts, kind) for kind in ("fixed", "broken")),
    ]
    return {str(part.title): part for part in parts}


def test_without_slices_there_is_no_section_of_them() -> None:
    """Of data without slices the report has metrics, classes and texts alone, and speaks of no slice."""
    by_title = written(compared(("ham", "spam")))
    assert list(by_title) == ["Metrics", "Classes", "Texts fixed", "Texts broken"]
    assert "slice" not in "".join(map(render, by_title.values()))


@pytest.mark.parametrize(("column", "title"), [("source", "Source"), (["site", "year"], "Site, year"), (None, "Slice")])
def test_slices_are_called_what_their_column_is(column: object, title: str) -> None:
    """The heading is the column's name, of several columns all of them."""
    by_title = written(compared(("ham", "spam"), ("a", "b")), column)
    assert list(by_title)[1:3] == [title, "All metrics by slice"]
    assert f'<th align="left">{title[0].lower()}{title[1:]}</th>' in render(by_title[title])


def test_how_small_a_loss_could_be_seen_is_said_of_all_rows() -> None:
    """Below the metrics stands the loss of the headline metric that nine of ten such test sets would show."""
    comparison = compared(("ham", "spam"))
    least = comparison.groups[0].detectable
    assert f"A loss of macro F1 is seen from {least:.3f} on" in render(written(comparison)["Metrics"])


def test_of_many_classes_the_most_changed_are_seen_and_the_rest_is_folded() -> None:
    """Of a hundred classes twelve are shown, those whose F1 moved most; the others are one click away, all of them."""
    labels = tuple(f"topic {number:03}" for number in range(100))
    text = render(written(compared(labels, rows=2000))["Classes"])
    first, _, rest = text.partition("<summary>88 more</summary>")
    moves = [
        abs(float(new) - float(old))
        for old, new in re.findall(r"([\d.]+) → ([\d.]+)</td><td align=\"right\">20</td>", first)
    ]
    assert len(moves) == 12
    assert moves == sorted(moves, reverse=True)
    assert set(re.findall(r"topic \d{3}", first + rest.partition("was → is now")[0])) == set(labels)
    assert rest.count(" → <code>") == 100


def test_the_figures_of_classes_are_those_of_the_predictions() -> None:
    """Precision, recall and F1 of each side, and between which classes predictions were fixed and broken."""
    rows = pd.DataFrame(
        {
            "label": ["ham", "ham", "spam", "spam"],
            "base": ["ham", "spam", "ham", "spam"],
            "candidate": ["ham", "ham", "spam", "ham"],
        }
    )
    right, was = rows["candidate"] == rows["label"], rows["base"] == rows["label"]
    rows = rows.assign(fixed=right & ~was, broken=was & ~right)
    comparison = replace(compared(("ham", "spam")), rows=rows)
    cells = re.findall(
        r">([^<>]+)</t[dh]>", render(sections.classes(comparison)).replace("</code>", "").replace("<code>", "")
    )
    assert cells == [
        *("class", "precision", "recall", "F1", "rows"),
        *("ham", "0.500 → 0.667", "0.500 → 1.000", "0.500 → 0.800", "2"),
        *("spam", "0.500 → 1.000", "0.500 → 0.500", "0.500 → 0.667", "2"),
        *("was → is now", "fixed", "broken"),
        *("spam → ham", "1", "1"),
        *("ham → spam", "1", "0"),
    ]


def test_hostile_labels_and_slices_are_shown_and_nothing_more() -> None:
    """No element, link, mention or character of theirs has an effect, wherever the report has them; none is long."""
    named = frozenset((group, f"recall:{HOSTILE[0]}") for group in ("overall", *HOSTILE))
    comparison = compared(HOSTILE, HOSTILE[::-1], settings=replace(SETTINGS, named=named))
    rows = comparison.rows.assign(text="a text", split="test")
    change = summarize_changes(rows.head(300), rows.assign(label=rows["label"].iloc[::-1].to_numpy()))
    review = about(comparison, list(HOSTILE))
    parts = [
        *written(comparison, list(HOSTILE)).values(),
        SECTIONS("verdict", review),
        context.data(change, HOSTILE[0]),
    ]
    parts.append(
        sections.figures(
            replace(
                review,
                figures={"overall": dict.fromkeys(["mcc", "n"], 1.0)}
                | {name: dict.fromkeys(["mcc", "n"], 1.0) for name in HOSTILE},
            )
        )
    )
    text = "\n".join(map(render, parts))
    shown = RenderedPage(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))
    assert (shown.astray, shown.open) == ([], [])
    assert {name for name, _ in shown.elements}.isdisjoint({"script", "img", "a", "h1", "style", "em"})
    assert not re.findall(r"@\w|#\d", "".join(shown.prose))
    assert not re.findall("[\x00-\x08\x0b-\x1f\u202e]", text)
    assert "long " * 20 not in text
    assert any("<script>alert(1)" in code for code in shown.code)
