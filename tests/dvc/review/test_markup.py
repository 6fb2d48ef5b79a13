"""Templates whose authors forget something, and what they may use at all."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, TemplateAssertionError, UndefinedError, nodes

from tests.conftest import ROOT
from tests.dvc.review.test_report_hostile import BRANCH, ELEMENTS, PLACES, TEXTS, github
from verdict.review.report.markup import Template, fit, link, render

TEMPLATES = sorted((ROOT / "verdict").rglob("*.j2"))


def template(folder: Path, body: str) -> Template:
    """A template with one macro of one section."""
    call = f"{{% call section('T', 1) %}}\n{body}\n{{% endcall %}}"
    (folder / "a.md.j2").write_text(f"{{% macro a(text) %}}\n{call}\n{{% endmacro %}}\n", encoding="utf-8")
    return Template(folder / "a.md.j2")


@pytest.mark.parametrize("text", [*TEXTS, BRANCH])
def test_a_template_that_forgets_a_filter_shows_text_all_the_same(tmp_path: Path, text: str) -> None:
    """A text that is printed as it is adds no element, link, mention or line to a paragraph, a table or a heading."""
    (tmp_path / "places.md.j2").write_text(PLACES, encoding="utf-8")
    shown = github(render(Template(tmp_path / "places.md.j2")("places", text)))
    assert (shown.astray, shown.open) == ([], [])
    assert {name for name, _ in shown.elements} <= ELEMENTS - {"img"}
    assert not re.findall(r"@\w|#\d|GH-\d", "".join(shown.prose))


@pytest.mark.parametrize("name", ["safe", "escape", "e", "urlize", "tojson", "join", "replace"])
def test_filters_that_pass_by_the_rules_are_out_of_reach(tmp_path: Path, name: str) -> None:
    """Jinja's own filters that mark a text as safe, or as escaped for HTML alone, cannot be used."""
    with pytest.raises(TemplateAssertionError, match=f"No filter named '{name}'"):
        template(tmp_path, f"<p>{{{{ text|{name} }}}}</p>")


def test_a_name_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A slip in a template, or a field that went, does not print nothing."""
    with pytest.raises(UndefinedError, match="no attribute 'nothing'"):
        template(tmp_path, "<p>{{ text.nothing }}</p>")("a", "x")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_joins_texts_by_a_sign(path: Path) -> None:
    """`~` makes markup of a text that was escaped for HTML alone, and nothing else sees it again."""
    tree = Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    assert list(tree.find_all((nodes.Concat, nodes.ScopedEvalContextModifier))) == []


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://github.com/owner/verdict/actions/runs/1?a=1&b=2", True),
        ("http://127.0.0.1:8000/", True),
        *(
            (url, False)
            for url in ("javascript:alert(1)", "https://a b", "https://a\nb", "//a", "", "https://a\u202eb")
        ),
    ],
)
def test_only_an_address_becomes_a_link(url: str, kept: bool) -> None:
    """Text that is no web address in one line of plain characters becomes no link."""
    assert github(f'<a href="{link(url)}">x</a>').named("a") == [{"href": url if kept else "#"}]


def test_no_address_ends_its_attribute() -> None:
    """Quotes and brackets in an address stay in it."""
    url = """https://a/"><b/onclick='x'>"""
    (_, found) = github(f'<p><a href="{link(url)}">x</a></p>').elements
    assert found == ("a", {"href": url})


def test_a_table_without_a_column_has_no_cell_of_it(tmp_path: Path) -> None:
    """A title and cells that are None are left out, and the columns behind them move up."""
    table = "{% call(row) table('a', none, 'c', right=[2]) %}\n{{ row(text, none, text) }}\n{% endcall %}"
    assert '<tr><td align="left">x</td><td align="right">x</td></tr>' in fit([template(tmp_path, table)("a", "x")])
