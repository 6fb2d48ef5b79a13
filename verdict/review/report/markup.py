"""Markdown from Jinja templates, safe against foreign text on GitHub, and cut to fit a comment.

A template writes blocks of HTML, an empty line between two of them and none within: in such a block GitHub's parser
reads no Markdown, so no pipe breaks a table and nothing becomes a link, an image or a list. `escape_message` escapes
all output of a template without a filter. Text from data, branches or params goes through the filter `code`: in
`<code>` GitHub turns neither `@name` nor `#1` nor a URL into a link. Two texts are joined by printing both, never by
`~` or `+`, which escape for HTML only.
"""
# ruff: noqa: S704 - this module escapes texts

import html
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import FILTERS
from markupsafe import Markup

from verdict.base.printable import MAX_LENGTH, plain

# GitHub refuses a comment of more than 65,536 characters; CML adds a watermark.
LIMIT = 64_000
# The page with all that is cut from a comment.
PAGE = "report.html"
_ROWS = re.compile(r"^(?:<table>\n.*\n<tbody>|<ul>)\n((?:<(?:tr|li)>.*\n)+)</(?:tbody>\n</table|ul)>$", re.MULTILINE)
# Templates have no other filters of Jinja: some, such as `safe` and `escape`, would bypass `escape_message`.
_JINJA_FILTERS = ("length", "list", "map", "rejectattr", "selectattr")


def code(text: object, most: int = MAX_LENGTH) -> Markup:
    """Show foreign text as `<code>`, where nothing is interpreted."""
    return Markup(f"<code>{escaped(text, most)}</code>")


def escape_message(text: object) -> Markup:
    """Escape a message of ours, which may quote foreign text: zero-width blanks keep `@` and `#` from links."""
    if isinstance(text, Markup):
        return text
    return Markup(re.sub("GH-|@|(?<!&)#", r"\g<0>&#8203;", str(escaped(text, 1000))))


def escaped(text: object, most: int = MAX_LENGTH) -> Markup:
    """Escape a text for places without links: `<pre>`, `<title>`, an attribute."""
    return Markup(html.escape(plain(text, most)))


def capital(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def link(url: str) -> Markup:
    """Escape a web address for an attribute; `#` in place of anything else."""
    return Markup(html.escape(url) if re.fullmatch("https?://[!-~]+", url) else "#")


def codes(texts: Sequence[object], most: int = sys.maxsize) -> Markup:
    """List foreign texts, or the first of them and the number of the others."""
    rest = len(texts) - most
    return Markup(", ".join(map(code, texts[:most])) + (f" and {rest:,} more" if rest > 0 else ""))


def number(count: int) -> str:
    """Write a whole number with commas."""
    return f"{count:,}"


def percent(share: float) -> str:
    """Write a share in percent, with as many digits as it has."""
    return f"{share * 100:g} %"


def table(
    *head: object,
    rows: Iterable[Sequence[object]] = (),
    right: Collection[int] = (),
    caller: Callable[..., Markup] | None = None,
) -> Markup:
    """Write a table of rows, or of the rows that a `call` block writes by the function `row` that it gets.

    Args:
        head: the titles of the columns; None is left out, as in rows.
        rows: their cells.
        right: the columns that are aligned to the right, counted from 1.
        caller: the `call` block.
    """

    def row(*cells: object, tag: str = "td") -> Markup:
        numbered = enumerate((escape_message(cell) for cell in cells if cell is not None), 1)
        tags = (f'<{tag} align="{"right" if number in right else "left"}">{cell}</{tag}>' for number, cell in numbered)
        return Markup(f"<tr>{''.join(tags)}</tr>")

    body = caller(row) if caller else "".join(f"{row(*cells)}\n" for cells in rows)
    return Markup(f"<table>\n<thead>{row(*head, tag='th')}</thead>\n<tbody>\n{body}</tbody>\n</table>\n")


@dataclass(frozen=True)
class Section:
    """A heading with its body, whose tables and lists may be cut from the end.

    The section of the highest `rank` is cut first, those of rank 0 never. A folded section shows its heading alone. In
    a comment each table or list has at most `most` rows.
    """

    title: str
    body: str
    rank: int
    folded: bool = False
    note: str = ""
    most: int = sys.maxsize

    @property
    def longest(self) -> int:
        """The number of rows of its longest table or list."""
        return max((rows.count("\n") for rows in _ROWS.findall(self.body)), default=0)


class Template:
    """A file of macros that write sections by `{% call section(title, rank, folded, note, most) %}`.

    Args:
        path: of the file, which is named `*.md.j2`.
        names: functions and constants for it, beside the filters and functions above.
    """

    def __init__(self, path: Path, **names: object) -> None:
        loader = FileSystemLoader([path.parent, Path(__file__).parent / "templates"])
        environment = Environment(
            loader=loader,
            autoescape=True,
            finalize=escape_message,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        ours = {function.__name__: function for function in (code, codes, capital, escaped, link, number, percent)}
        environment.filters = {**{name: FILTERS[name] for name in _JINJA_FILTERS}, **ours}
        environment.globals = {"range": range, "table": table, **names}
        self._template = environment.get_template(path.name)

    def __call__(self, macro: str, *arguments: object) -> Section:
        """Run a macro that writes one section."""
        (section,) = self.all(macro, *arguments)
        return section

    def all(self, macro: str, *arguments: object) -> list[Section]:
        """Run a macro; return the sections that it writes."""
        sections: list[Section] = []

        def section(
            title: object,
            rank: int,
            folded: bool = False,
            note: object = "",
            most: int = sys.maxsize,
            *,
            caller: Callable[[], str],
        ) -> str:
            body = re.sub("\n{3,}", "\n\n", caller().strip("\n"))
            sections.append(Section(escape_message(title), body, rank, folded, escape_message(note), most))
            return ""

        getattr(self._template.make_module({"section": section}), macro)(*arguments)
        return sections


def render(section: Section, most: int = sys.maxsize, whole: str = PAGE) -> str:
    """Write a section as Markdown: of each table or list the first `most` rows, and a notice of the others."""

    def cut(match: re.Match[str]) -> str:
        rows = match[1].splitlines(keepends=True)
        if len(rows) <= most:
            return match[0]
        notice = f"<p><i>{len(rows) - most:,} more in {whole}.</i></p>"
        return f"{match[0].replace(match[1], ''.join(rows[:most]))}\n\n{notice}" if most else notice

    body = _ROWS.sub(cut, section.body)
    if section.folded:
        return f"<details>\n<summary><b>{section.title}</b>{section.note}</summary>\n\n{body}\n\n</details>\n"
    return f"<h3>{section.title}</h3>\n\n{body}\n" if section.title else f"{body}\n"


def fit(sections: Sequence[Section], limit: int = LIMIT, whole: str = PAGE) -> str:
    """Write all sections in at most `limit` characters, the least important cut first; `whole` is the full file."""
    keep = [min(section.longest, section.most) for section in sections]
    texts = [render(section, most, whole) for section, most in zip(sections, keep, strict=True)]
    places = sorted(range(len(sections)), key=lambda place: (-sections[place].rank, -place))
    order = [place for place in places if sections[place].rank]
    for place in order:
        while sum(map(len, texts)) + len(texts) > limit and keep[place]:
            keep[place] //= 2
            texts[place] = render(sections[place], keep[place], whole)
    for place in order:
        if sum(map(len, texts)) + len(texts) > limit:
            cut = f"{sections[place].title}: cut, to stay under GitHub's limit; {whole} has it."
            texts[place] = f"<p><i>{cut}</i></p>\n"
    text = "\n".join(texts)
    if len(text) <= LIMIT:
        return text
    notice = f"<p><i>The rest is too long for a comment; {whole} has it.</i></p>\n"
    return f"{_first_blocks(text, LIMIT - len(notice))}\n{notice}"


def _first_blocks(text: str, most: int) -> str:
    """The first blocks of a text, as many as fit; an empty line ends a block."""
    kept = ""
    for block in text.split("\n\n"):
        if len(kept) + len(block) + 2 > most:
            break
        kept += f"{block}\n\n"
    return kept
