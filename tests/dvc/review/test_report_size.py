"""A report that fits into a comment: what matters least is cut first and named, and report.html has everything."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import LABELS, ReviewRunner, set_params
from tests.dvc.review.rendered_page import RenderedPage
from tests.dvc.review.test_report_hostile import github
from verdict.base.errors import VerdictError
from verdict.repo.lock.finding import Finding
from verdict.repo.revisions import Revision
from verdict.review import compare
from verdict.review.gate import Review
from verdict.review.policy import ParamChange
from verdict.review.report import sections
from verdict.review.report.markup import LIMIT, Section, fit, render
from verdict.review.report.sections import SECTIONS
from verdict.review.rules.rule import Rule
from verdict.review.settings import ComparisonSettings

clone, runner = edits.clone, edits.runner
MOST = 65_536  # characters of a comment on GitHub
MANY = 3_000
NAMES = ("policy", "lock", "figures", "data", "worse:overall", "floor:overall", "size", "time")


def long(title: str, rank: int, rows: int = MANY, folded: bool = False) -> Section:
    """A section with a table of many rows, each of which names the section."""
    cells = (f"{title.casefold()}-{number}-end</td><td>{'x' * 60}" for number in range(rows))
    lines = (f"<tr><td>{cell}</td></tr>\n" for cell in cells)
    head = "<thead><tr><th>a</th><th>b</th></tr></thead>"
    table = f"<table>\n{head}\n<tbody>\n{''.join(lines)}</tbody>\n</table>"
    return Section(title, f"<p>About {title}.</p>\n\n{table}", rank, folded)


def short(rank: int) -> Section:
    """A section that is not cut where there is any other to cut."""
    return Section("", "<p>the verdict</p>", rank)


def shown(text: str, title: str) -> int:
    """The number of rows of a section in a text."""
    return sum(f"{title.casefold()}-{number}-end" in text for number in range(MANY))


def notices(text: str) -> list[int]:
    """The number of missing rows, by the lines that report it and their place."""
    return [int(count.replace(",", "")) for count in re.findall(r"<i>([\d,]+) more .*?report\.html", text)]


def changed(key: str) -> Review:
    """A review with thousands of changed params and thousands of findings, and a few rules."""
    candidate = Revision(Path(), "the working tree", "1" * 40)
    review = Review(
        Revision(Path(), "main", "0" * 40), candidate, rules=[Rule(n, "requirement", n != "lock", "") for n in NAMES]
    )
    review.changes = [ParamChange(f"{key}.{number}", number, f"{key}{number}" * 9) for number in range(MANY)]
    review.findings = [
        Finding("train", f"code/{number}.py", "the lock has another", "dvc repro") for number in range(MANY)
    ]
    return review


def test_a_report_that_fits_is_left_as_it_is() -> None:
    """Below the limit nothing is cut, and nothing is said about it."""
    parts = [short(0), long("Files", 7, 40), long("Params", 3, 40, True)]
    assert fit(parts) == "\n".join(map(render, parts))
    assert notices(fit(parts)) == []


def test_what_matters_least_is_cut_first() -> None:
    """If a text is a little too long, only the section of the highest rank is shortened, wherever it is."""
    parts = [short(0), long("Sentences", 8, 300), long("Rules", 1, 300), long("Params", 3, 300)]
    text = fit(parts)
    assert len(text) < MOST
    assert 0 < shown(text, "Sentences") < 300
    assert (shown(text, "Rules"), shown(text, "Params")) == (300, 300)
    assert notices(text) == [300 - shown(text, "Sentences")]


def test_of_two_sections_of_one_rank_the_later_is_cut() -> None:
    """Sections of the same rank are cut from the end."""
    text = fit([short(0), long("Fixed", 8, 400), long("Broken", 8, 400)])
    assert shown(text, "Fixed") == 400
    assert shown(text, "Broken") < 400


@pytest.mark.parametrize("limit", [LIMIT, 20_000, 3_000])
def test_however_much_there_is_the_text_fits_and_says_what_is_missing(limit: int) -> None:
    """Thousands of rows everywhere end below the limit; each section is there, or a line that says that it is not."""
    titles = ("Rules", "Data", "Params", "Plots", "Files", "Sentences")
    parts = [short(0), *(long(title, rank, folded=rank > 3) for rank, title in enumerate(titles, 1))]
    text = fit(parts, limit)
    assert len(text) <= limit < MOST
    assert "the verdict" in text
    for title in titles:
        assert f"About {title}." in text or re.search(rf"<i>{title}: .*report\.html", text)
    found = github(text)
    assert (found.astray, found.open) == ([], [])


def test_the_first_rows_of_a_cut_section_are_kept() -> None:
    """A section is cut from its end: the rows that remain are the first."""
    text = fit([short(0), long("Files", 7)])
    count = shown(text, "Files")
    assert 0 < count < MANY
    assert f"files-{count - 1}-end" in text
    assert f"files-{count}-end" not in text


def test_a_limit_of_rows_is_kept_and_said() -> None:
    """A list with a limit of its own is cut there also where there is room, and whole in report.html."""
    lines = "\n".join(f"<li>{number}</li>" for number in range(50))
    section = Section("Sentences", f"<ul>\n{lines}\n</ul>", 8, most=20)
    text = fit([section])
    assert text.count("<li>") == 20
    assert notices(text) == [30]
    assert render(section).count("<li>") == 50


@pytest.mark.parametrize("limit", [LIMIT, 1_000])
def test_the_verdict_and_every_rule_stay(limit: int) -> None:
    """With thousands of changed params and of findings about the lock no rule is cut, however small the limit."""
    review = changed("key")
    review.reason = VerdictError("somewhere", "something", "somehow")
    parts = [SECTIONS(name, review) for name in ("verdict", "rules")]
    lists = [SECTIONS("findings", review.findings), long("Files", 7), SECTIONS("params", review.changes)]
    text = fit([*parts, *lists], limit)
    assert len(text) < MOST
    assert "<h2>⚠️ Cannot judge</h2>" in text
    assert [name for name in NAMES if f"<b>{name}</b><br>" not in text] == []
    assert "report.html" in text


def test_thousands_of_texts_are_cut_from_the_least_confident() -> None:
    """Of thousands of broken predictions a comment shows the most confident twenty; report.html all of them."""
    truth = pd.DataFrame({"id": [f"s{n}" for n in range(MANY)], "slice": "news", "label": "positive", "rating": 1.0})
    truth = truth.assign(group=truth["id"])
    sure = pd.Series(range(MANY)) / MANY * 0.3
    base = truth.assign(**dict(zip(LABELS, (0.1, 0.1, 0.8), strict=True)))
    own = truth.assign(negative=0.6 + sure, neutral=0.2 - sure / 2, positive=0.2 - sure / 2)
    comparison = compare.compare_tables(base, own, LABELS, ComparisonSettings(0.95, 1000, 1, 15, "weighted_f1"))
    texts = {f"s{n}": f"sentence {n} " + "long " * 60 for n in range(MANY)}
    parts = [sections.texts(comparison, texts, kind) for kind in ("fixed", "broken")]
    text, whole = fit([short(0), *parts]), "".join(map(render, parts))
    assert "<b>Texts broken</b>: 3,000" in text
    assert [n for n in range(MANY) if f"sentence {n} " in text] == list(range(MANY - 20, MANY))
    assert notices(text) == [MANY - 20]
    assert all(f"sentence {n} " in whole for n in range(MANY))


def test_a_report_of_thousands_of_changes_fits_and_its_page_has_them_all(clone: Clone, runner: ReviewRunner) -> None:
    """With thousands of new files and params report.md stays below the limit with all rules; report.html lists all."""
    many = [f"number-{number}" for number in range(700)]
    set_params(clone, "", extra=dict.fromkeys(many, "x" * 40))
    (clone.path / "docs" / "new").mkdir()
    for name in many:
        (clone.path / "docs" / "new" / f"{name}.md").touch()
    outcome = runner.run(clone, "report")
    assert outcome.code == 0, outcome.text
    text, page = ((clone.path / "report" / f"report.{kind}").read_text(encoding="utf-8") for kind in ("md", "html"))
    assert len(text) < MOST
    assert notices(text) != []
    assert text.startswith("<h2>✅ Pass: unchanged")
    assert [rule.name for rule in runner.judge(clone).rules if f"<b>{rule.name}</b>" not in text] == []
    everything = set(RenderedPage(page).code)
    assert {f"docs/new/{name}.md" for name in many} <= everything
    assert {f"extra.{name}" for name in many} <= everything


def test_what_is_never_cut_still_fits_a_comment() -> None:
    """Rules with very long findings end the comment early, with a notice, since GitHub would refuse it whole."""
    blocks = ["<h2>❌ Fail</h2>", *(f"<p>{number} {'@' * 10_000}</p>" for number in range(20))]
    text = fit([Section("", "\n\n".join(blocks), 0)])
    assert len(text) <= LIMIT
    assert text.startswith("<h2>❌ Fail</h2>")
    assert "too long for a comment" in text
