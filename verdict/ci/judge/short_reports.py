"""What the comment says where there is no review to write: nothing changed, the lock is stale, the run failed."""

import re
from collections.abc import Sequence

from verdict.base.errors import VerdictError
from verdict.base.outcome import FAIL
from verdict.repo.lock.check import Finding
from verdict.repo.revisions import Revision
from verdict.review.report.markup import (
    Block,
    Section,
    code,
    fit,
    own,
    paragraph,
)

_MOST_LINES, _MOST_INDENT = 30, 40
_COLOUR = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
_NO_GPU = (
    "<sub>No GPU at hand? The label <code>reproduce</code> on this commit lets CI run the stages and commit"
    " <code>dvc.lock</code>, <code>metrics/</code> and <code>plots/</code> to this branch.</sub>"
)


def unchanged(main: Revision, head: str) -> str:
    """Nothing that the DAG reads or writes differs from what the change is compared with."""
    text = (
        f"Nothing that the pipeline reads, writes or is defined by differs from {own(main.name)}, so every result is"
        " the same."
    )
    return _page("✅ Pass: unchanged", [paragraph(f"{text} No stage needed to run."), _sides(main, head)])


def stale(findings: Sequence[Finding], main: Revision, head: str, may_label: bool) -> str:
    """dvc.lock does not belong to the tree, so nothing was run."""
    from verdict.review.report.sections import findings as findings_section

    text = (
        "Nothing was run: <code>dvc.lock</code>, merged with main, does not belong to the files beside it. Mend it"
        " with the commands below, then commit <code>dvc.lock</code>, <code>metrics/</code> and <code>plots/</code>."
    )
    head_section = Section("", [Block("<h2>❌ Fail: dvc.lock is stale</h2>"), paragraph(text)], 0)
    end = [*([paragraph(_NO_GPU)] if may_label else []), _sides(main, head)]
    return fit([head_section, findings_section(findings), Section("", end, 0)])


def failed(code_: int, where: str, reason: str, *, log: str, url: str, sides: tuple[Revision, str]) -> str:
    """The run ended before it had a result: where, why, and the last lines that it printed."""
    lines = [line for line in _COLOUR.sub("", log).splitlines() if line.strip()][-_MOST_LINES:]
    blocks = [paragraph(f"<b>{own(where)}</b>{': ' if reason else ''}{own(reason)}")]
    if lines:
        shown = "\n".join(map(_line, lines))
        blocks.append(Block(f"<p>The last lines of its log:</p>\n<pre>{shown}</pre>"))
    blocks += [paragraph(f'<a href="{_link(url)}">The whole log</a>'), _sides(*sides)]
    title = "❌ Fail: the run did not finish" if code_ == FAIL else "⚠️ Cannot judge: the run did not finish"
    return _page(title, blocks)


def _line(text: str) -> str:
    """A line of a log as text, its indent kept."""
    indent = min(len(text) - len(text.lstrip(" ")), _MOST_INDENT)
    return " " * indent + code(text, 300).removeprefix("<code>").removesuffix("</code>")


def cannot(error: VerdictError, url: str, main: Revision, head: str) -> str:
    """There is no verdict, and why, and how to go on."""
    blocks = [
        paragraph(f"<b>{own(error.where)}</b>: {own(error.what)}<br>Remedy: {own(error.remedy)}"),
        paragraph(f'<a href="{_link(url)}">The run</a>'),
        _sides(main, head),
    ]
    return _page("⚠️ Cannot judge", blocks)


def _page(title: str, blocks: Sequence[Block]) -> str:
    return fit([Section("", [Block(f"<h2>{title}</h2>"), *blocks], 0)])


def _sides(main: Revision, head: str) -> Block:
    return paragraph(f"<sub>{code(head[:10])} merged with {own(main.name)} at {code(main.short)}</sub>")


def _link(url: str) -> str:
    """An address that can end neither its attribute nor its line."""
    return url if url.startswith(("https://", "http://")) and not set(url) & set("\"'<> \n") else "#"
