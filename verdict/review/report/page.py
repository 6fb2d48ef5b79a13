"""report.html: the report in one file, with its pictures inside and without scripts."""

import base64
import re
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from jinja2 import Template
from markupsafe import Markup

from verdict.review.report.markup import escaped

_TEMPLATE = Path(__file__).parent / "templates" / "page.html.j2"


def page(title: str, markdown: str, folder: Path, width: int = 900) -> str:
    """Convert a report's Markdown by GitHub's parser into a page, with the pictures of `folder` inside."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    inlined = re.sub(r'src="([\w.-]+\.(?:png|svg))"', lambda match: f'src="{_data(folder / match[1])}"', body)
    template = Template(_TEMPLATE.read_text(encoding="utf-8"), autoescape=True, keep_trailing_newline=True)
    text: str = template.render(title=escaped(title), width=width, body=Markup(inlined))  # noqa: S704 - our own
    return text


def _data(picture: Path) -> str:
    kind = "svg+xml" if picture.suffix == ".svg" else "png"
    return f"data:image/{kind};base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
