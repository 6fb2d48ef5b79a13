"""Markup that GitHub shows as it is meant, whatever the text in it says; and fitting it into a comment.

Everything is written as blocks of HTML without blank lines. Inside them GitHub's parser reads no Markdown: no tables to
break with a pipe, no links, no images, no lists. Text from data, branches or params stands in `<code>`, where GitHub
turns neither `@name` nor `#1` nor a URL into a link.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verdict.base.printable import MOST, plain

# GitHub refuses a comment of more than 65,536 characters; CML adds a watermark of its own.
LIMIT = 64_000
# The page that has what is cut from a comment.
PAGE = "report.html"


def code(text: object, most: int = MOST) -> str:
    """Foreign text: shown, never interpreted."""
    return f"<code>{html.escape(plain(text, most))}</code>"


def own(text: object) -> str:
    """A message of ours, which may quote foreign text: escaped, and blanks of no width keep `@` and `#` from links."""
    escaped = html.escape(plain(text, 1000))
    return (
        escaped.replace("GH-", "GH-&#8203;")
        .replace("@", "@&#8203;")
        .replace("&#", "\0")
        .replace("#", "#&#8203;")
        .replace("\0", "&#")
    )


@dataclass(frozen=True)
class Block:
    """A piece of a section: what stands before its rows, the rows, which may be cut from the end, and what follows.

    In a comment at most `most` rows are shown.
    """

    before: str
    rows: Sequence[str] = ()
    after: str = ""
    most: int | None = None


@dataclass(frozen=True)
class Section:
    """A heading with its blocks. `rank`: 0 is never cut, the highest first. A folded one shows its heading alone."""

    title: str
    blocks: Sequence[Block]
    rank: int
    folded: bool = False
    note: str = ""


def paragraph(text: str) -> Block:
    """A block of one paragraph."""
    return Block(f"<p>{text}</p>")


def of_table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> Block:
    """A block of one table; columns in `numbers` are set to the right."""
    right = set(numbers)

    def row(cells: Sequence[str], tag: str) -> str:
        sides = ("right" if place in right else "left" for place in range(len(cells)))
        marked = (f'<{tag} align="{side}">{cell}</{tag}>' for side, cell in zip(sides, cells, strict=True))
        return f"<tr>{''.join(marked)}</tr>"

    begin = f"<table>\n<thead>{row(head, 'th')}</thead>\n<tbody>"
    return Block(begin, [row(cells, "td") for cells in rows], "</tbody>\n</table>")


def render(section: Section, keep: Sequence[int] | None = None, whole: str = PAGE) -> str:
    """The section as Markdown; of each block the first `keep` rows, and a line that says what was cut."""
    kept = keep if keep is not None else [len(block.rows) for block in section.blocks]
    parts = [_block(block, most, whole) for block, most in zip(section.blocks, kept, strict=True)]
    body = "\n\n".join(part for part in parts if part)
    if section.folded:
        return f"<details>\n<summary><b>{section.title}</b>{section.note}</summary>\n\n{body}\n\n</details>\n"
    return f"### {section.title}\n\n{body}\n" if section.title else f"{body}\n"


def _block(block: Block, most: int, whole: str) -> str:
    cut = len(block.rows) - most
    rows = "\n".join(block.rows[:most])
    notice = f"\n\n<p><i>{cut:,} more in {whole}.</i></p>" if cut else ""
    if block.rows and not most:
        return notice.strip()
    return "\n".join(part for part in (block.before, rows, block.after) if part) + notice


def fit(sections: Sequence[Section], limit: int = LIMIT, whole: str = PAGE) -> str:
    """All sections, cut where they are least important, to at most `limit` characters; `whole` is the file with all."""
    keep = [[min(len(block.rows), block.most or len(block.rows)) for block in section.blocks] for section in sections]
    texts = [render(section, kept, whole) for section, kept in zip(sections, keep, strict=True)]
    order = sorted(range(len(sections)), key=lambda place: (-sections[place].rank, -place))
    for place in (place for place in order if sections[place].rank):
        while sum(map(len, texts)) + len(texts) > limit and any(keep[place]):
            keep[place] = [most // 2 for most in keep[place]]
            texts[place] = render(sections[place], keep[place], whole)
    for place in (place for place in order if sections[place].rank):
        if sum(map(len, texts)) + len(texts) > limit:
            texts[place] = (
                f"<p><i>{sections[place].title}: cut, to stay under GitHub's limit; {whole} has it.</i></p>\n"
            )
    text = "\n".join(texts)
    if len(text) <= LIMIT:
        return text
    notice = f"<p><i>The rest is too long for a comment; {whole} has it.</i></p>\n"
    return f"{_first_lines(text, LIMIT - len(notice))}\n{notice}"


def _first_lines(text: str, most: int) -> str:
    """The blocks of a text from its beginning, as many as fit; a block ends where a line is empty."""
    kept = ""
    for block in text.split("\n\n"):
        if len(kept) + len(block) + 2 > most:
            break
        kept += f"{block}\n\n"
    return kept
