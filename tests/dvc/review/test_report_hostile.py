"""Foreign text in a report: texts, slices, branches, params and file names are shown, and never interpreted."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from stages import evaluate
from tests.documents import save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import TEST, ReviewRunner, edit_table, edit_test_and_predictions
from tests.dvc.review.rendered_page import RenderedPage
from tests.dvc.review.tampering import delete_output, relock
from verdict.base.printable import plain
from verdict.repo.revisions import resolve, working_tree
from verdict.review.gate import Review
from verdict.review.report import context
from verdict.review.report.markup import Template, code, escape_message, render
from verdict.review.testset import write_test_set

clone, runner = edits.clone, edits.runner
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"
TEXTS = (
    "</details></td></table><h1>brilliant</h1>",
    "@everyone a|b `c` ``d`` ~~~ awful",
    "![x](http://evil.example/x.png) <img src=http://evil.example/y.png onerror=alert(1)> great",
    "<script>alert(1)</script> terrible",
    "[l](javascript:alert(1)) #1 GH-1 evil.example/a#2 http://evil.example www.evil.example wonderful",
    f"{OVERRIDE}txet live{OVERRIDE} \N{LEFT-TO-RIGHT ISOLATE}brilliant\N{ZERO WIDTH SPACE}@everyone",
    "before\n\n# heading\n\n- [x] item\n\n    awful\n\n<style>*{display:none}</style>\n\n</code></li></ul>",
    "</code><!-- terrible\n-->\x00\x1b[31m\x85\u2028\u2029<![CDATA[",
    '&lt;b&gt;&#64;everyone &amp;#35;1 " onmouseover="alert(1) great',
    "```\nwonderful\n```\n$$x$$ :boom: \\</code> {{7*7}} ${GITHUB_TOKEN} <details open>",
)
BRANCH = f"x|<b>@everyone/`!](evil)`/<script>alert(1){OVERRIDE}</script>#1"
SLICE = f"<u>@everyone|#3 {OVERRIDE}`x`"
TITLE = '"><script>alert(1)</script><img src="http://evil.example/z.png">'
FILES = (
    "docs/a|<b>@everyone`![x](evil)#1.md",
    "docs/<img src=evil.example>.md",
    "docs/new\n\n# line.md",
    f"docs/{OVERRIDE}dm.exe",
    "docs/--output=x.md",
)
FOREIGN = re.compile(r"everyone|evil|alert|GH-1|heading|onerror|javascript|display|\$\$")
ELEMENTS = {"h2", "h3", "p", "b", "i", "sub", "br", "code", "pre", "ul", "li", "details", "summary", "img"}
ELEMENTS |= {"table", "thead", "tbody", "tr", "th", "td"}


def github(markdown: str) -> RenderedPage:
    """A comment as GitHub's parser reads it; raw HTML is left as it is."""
    return RenderedPage(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))


def assert_inert(shown: RenderedPage, pictures: set[str]) -> None:
    """Only the report's own elements, balanced; its own pictures; foreign text in `code` alone; nothing is a link."""
    assert shown.astray == []
    assert shown.open == []
    assert {name for name, _ in shown.elements} <= ELEMENTS
    attributes = {(name, key) for name, found in shown.elements for key in found}
    assert attributes <= {("th", "align"), ("td", "align"), ("img", "src"), ("img", "alt"), ("img", "width")}
    assert {found["src"] for found in shown.named("img")} <= pictures
    prose = "".join(shown.prose)
    assert not FOREIGN.findall(prose.replace("@\N{ZERO WIDTH SPACE}everyone", ""))
    assert not re.findall(r"@\w|#\d|://|www\.", prose)


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written."""

    folder: Path
    markdown: str
    page: str

    @property
    def pictures(self) -> set[str]:
        """The names of its pictures."""
        return {path.name for path in self.folder.glob("*.png")}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Hostile texts in the test split of a hostile base; a worse model, hostile params and files in the folder."""
    place = edits.committed_main(tmp_path_factory.getbasetemp()).copy(tmp_path_factory.mktemp("hostile") / "verdict")
    edit_table(place, TEST, lambda table: table.groupby("slice", sort=False).head(4).assign(text=[*TEXTS, *TEXTS[:6]]))
    edit_table(place, TEST, lambda table: table.assign(id=[f"{BRANCH}{n}" for n in range(len(table))]))
    edits.run_stage(place, evaluate)
    edit_test_and_predictions(place, lambda table: table.assign(slice=table["slice"].replace("news", SLICE)))
    relock(place)
    dag = place.dag()
    dag["stages"]["train"]["plots"][0]["plots/training.json"]["title"] = f"{TITLE} {BRANCH}"
    save(place.path / "dvc.yaml", dag)
    place.run("git", "checkout", "--quiet", "-b", f"{BRANCH}/base")
    write_test_set(place.path)
    place.commit("Base")
    edits.train_on_flipped_labels(place)
    edit_test_and_predictions(place, lambda table: table.assign(slice=table["slice"].replace(SLICE, "news")))
    edits.run_stage(place, evaluate)
    edit_test_and_predictions(place, lambda table: table.assign(slice=table["slice"].replace("news", SLICE)))
    relock(place)
    write_test_set(place.path)
    for name in FILES:
        (place.path / name).write_text("x\n", encoding="utf-8")
    edits.set_params(place, "", **{TEXTS[2]: TEXTS[0], "note": list(TEXTS), BRANCH: {TEXTS[5]: TEXTS[6]}})
    return place


@pytest.fixture(scope="module")
def report(hostile: Clone) -> WrittenReport:
    """The report of the working tree against the hostile branch, by the command line."""
    folder = hostile.path.with_name("report")
    hostile.run("python", "-I", "-m", "verdict", "report", "--out", str(folder), "--base", f"{BRANCH}/base")
    return WrittenReport(folder, *((folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("md", "html")))


def test_hostile_text_in_a_report_is_shown_and_nothing_more(report: WrittenReport) -> None:
    """As GitHub reads report.md: no element, link, mention or picture comes from texts, ids, params or files."""
    shown = github(report.markdown)
    assert_inert(shown, report.pictures)
    assert any(found["alt"].startswith(TITLE) for found in shown.named("img"))
    everything = "".join(shown.code)
    for sign in (
        "<script>alert(1)</script>",
        "@everyone a|b `c`",
        "![x](http://evil.example/x.png)",
        "# heading - [x]",
    ):
        assert sign in everything


def test_hostile_text_in_the_page_is_shown_and_nothing_more(report: WrittenReport) -> None:
    """The same holds for report.html, whose pictures are inside it."""
    body = report.page.partition("<body>")[2].partition("</body>")[0]
    inlined = re.compile(r"data:image/png;base64,[\w+/]+=*")
    shown = RenderedPage(body)
    assert_inert(shown, {found["src"] for found in shown.named("img") if inlined.fullmatch(found["src"])})
    assert "Content-Security-Policy" in report.page


def test_every_hostile_file_and_text_is_there(report: WrittenReport) -> None:
    """Nothing is hidden for being hostile: each text whose prediction changed and each file is listed."""
    shown = "\n".join(RenderedPage(report.page).code)
    for name in FILES:
        assert plain(name) in shown
    assert sum(plain(text) in shown for text in TEXTS) > len(TEXTS) / 2


def test_no_character_turns_the_direction_of_a_report(report: WrittenReport) -> None:
    """No right-to-left override, nor another control character, is left in report.md, report.html and its title."""
    for text in (report.markdown, report.page):
        assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("lost", [False, True])
def test_hostile_branches_are_names_and_nothing_more(
    hostile: Clone, runner: ReviewRunner, tmp_path: Path, lost: bool
) -> None:
    """A candidate on a hostile branch is judged by its name, also where the reason for no judgement quotes the name."""
    place = hostile.copy(tmp_path / "verdict")
    if lost:
        delete_output(place, "data/predictions")
    place.run("git", "checkout", "--quiet", "-b", f"{BRANCH}/own")
    place.commit("Own")
    outcome = runner.run(place, "report", "--base", f"{BRANCH}/base", "--candidate", f"{BRANCH}/own")
    assert outcome.code == 0, outcome.text
    text = (place.path / "report" / "report.md").read_text(encoding="utf-8")
    shown, pictures = github(text), {path.name for path in (place.path / "report").glob("*.png")}
    assert_inert_but_quoted(shown, pictures) if lost else assert_inert(shown, pictures)
    assert OVERRIDE not in text
    assert ("Cannot judge" in text) == lost
    assert plain(f"{BRANCH}/own")[:60] in "".join(shown.code)


def assert_inert_but_quoted(shown: RenderedPage, pictures: set[str]) -> None:
    """As `assert_inert`, where a message of the review may quote foreign text, escaped."""
    shown.prose[:] = [FOREIGN.sub("", text) for text in shown.prose]
    assert_inert(shown, pictures)


@pytest.mark.parametrize("name", ["docs/a\ttab.md", b"docs/not-utf8-\xff.md"])
@pytest.mark.parametrize("tracked", [False, True])
def test_odd_file_names_do_not_stop_a_report(
    clone: Clone, runner: ReviewRunner, name: str | bytes, tracked: bool
) -> None:
    """A file whose name holds a tab, or is not UTF-8, is listed like any other, in git or not."""
    raw = name if isinstance(name, bytes) else name.encode()
    (clone.path / os.fsdecode(raw)).write_bytes(b"x\n")
    if tracked:
        clone.run("git", "add", "docs")
    with runner.at(clone):
        base, own = resolve(clone.path, "main"), working_tree(clone.path)
        text = render(context.files(Review(base, own), str(base.commit)))
    assert re.findall(r"<code>docs/(a tab|not-utf8)", text)


PLACES = """
{% macro places(text) %}
{% set note %}: {{ text }}{% endset %}
{% call section("T", 1, true, note) %}
<p>{{ text }}</p>

{% call(row) table("a") %}
{{ row(text) }}
{% endcall %}
{% endcall %}
{% endmacro %}
"""


@pytest.mark.parametrize("make", [code, escape_message])
@pytest.mark.parametrize("text", [*TEXTS, BRANCH, SLICE, "x" * 200_000, "&" * 200_000, "\n" * 200_000 + "late", ""])
def test_a_hostile_text_is_one_short_line_in_any_place(tmp_path: Path, text: str, make: object) -> None:
    """In a paragraph, a table and a heading's note a text stays one line of limited length, and adds no element."""
    markup = code(text) if make is code else escape_message(text)
    assert len(markup) < 10_000
    assert "\n" not in markup
    (tmp_path / "places.md.j2").write_text(PLACES, encoding="utf-8")
    shown = github(render(Template(tmp_path / "places.md.j2")("places", markup)))
    assert (shown.astray, shown.open) == ([], [])
    assert {name for name, _ in shown.elements} <= ELEMENTS - {"img"}
    assert not re.findall(r"@\w|#\d", "".join(shown.prose))
    if make is code:
        assert shown.code == [plain(text)] * 3 if plain(text) else shown.code == []
