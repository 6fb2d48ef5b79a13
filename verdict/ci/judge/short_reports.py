"""Comments without a review: nothing changed, the lock is stale, the run failed, or there is no verdict."""

import re
from collections.abc import Sequence
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.outcome import FAIL
from verdict.repo.lock.finding import Finding
from verdict.repo.revisions import Revision
from verdict.review.report.markup import Template, escaped, fit

_MOST_LINES, _MOST_INDENT = 30, 40
_COLOUR = re.compile("\x1b\\[[0-9;]*[A-Za-z]")
_TEMPLATE = Template(Path(__file__).parents[1] / "templates" / "comments.md.j2")


def unchanged(main: Revision, head: str) -> str:
    """Return the comment that nothing which the DAG reads or writes differs from the base."""
    return fit(_TEMPLATE.all("unchanged", main, head))


def stale(findings: Sequence[Finding], main: Revision, head: str, may_label: bool) -> str:
    """Return the comment that dvc.lock does not belong to the tree, so nothing was run."""
    from verdict.review.report.sections import SECTIONS

    top, end = _TEMPLATE.all("stale", main, head, may_label)
    return fit([top, SECTIONS("findings", findings), end])


def failed(code: int, where: str, reason: str, *, log: str, url: str, sides: tuple[Revision, str]) -> str:
    """Return the comment that the run ended without a result, with the reason and the last lines of its log."""
    lines = [line for line in _COLOUR.sub("", log).splitlines() if line.strip()][-_MOST_LINES:]
    indents = (min(len(line) - len(line.lstrip(" ")), _MOST_INDENT) for line in lines)
    shown = [" " * indent + escaped(line) for indent, line in zip(indents, lines, strict=True)]
    return fit(_TEMPLATE.all("failed", code == FAIL, where, reason, shown, url, *sides))


def cannot(error: VerdictError, url: str, main: Revision, head: str) -> str:
    """Return the comment that there is no verdict, with the reason and the remedy."""
    return fit(_TEMPLATE.all("cannot", error, url, main, head))
