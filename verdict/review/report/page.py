"""report.html: the same report as one file that needs nothing else, its pictures inside it, and runs no script."""

import base64
import re
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --back: #fff; --shade: #f6f8fa }
@media (prefers-color-scheme: dark) {
  :root { --text: #f0f6fc; --quiet: #9198a1; --line: #3d444d; --back: #0d1117; --shade: #151b23 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px 20px 64px; max-width: WIDTHpx; background: var(--back); color: var(--text);
  font: 15px/1.55 -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif }
h2 { font-size: 24px; line-height: 1.3; margin: 0 0 12px } h3 { margin: 32px 0 12px; font-size: 18px }
p { margin: 8px 0 } sub { color: var(--quiet); font-size: 12px; vertical-align: baseline }
table { border-collapse: collapse; display: block; max-width: 100%; overflow-x: auto; margin: 12px 0;
  font-variant-numeric: tabular-nums; font-size: 14px }
th, td { border: 1px solid var(--line); padding: 5px 11px } th { background: var(--shade); font-weight: 600 }
code, pre { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--shade);
  border-radius: 5px }
code { padding: 1px 5px; overflow-wrap: anywhere } td[align="right"] code { overflow-wrap: normal }
pre { padding: 12px; overflow-x: auto }
img { max-width: 100%; height: auto; background: #fff; border-radius: 5px }
details { border: 1px solid var(--line); border-radius: 7px; padding: 0 14px; margin: 12px 0 }
summary { cursor: pointer; padding: 10px 0 } ul { padding-left: 22px } li { margin: 6px 0 }
@media (max-width: 600px) { body { padding: 14px 12px 40px } h2 { font-size: 20px } th, td { padding: 4px 7px } }
"""
# No script, no request: whatever a sentence of the data may say.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, markdown: str, folder: Path, width: int = 900) -> str:
    """The Markdown of the report, as GitHub's own parser reads it, with the pictures of `folder` in place."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    inlined = re.sub(r'src="([\w.-]+\.(?:png|svg))"', lambda match: f'src="{_data(folder / match[1])}"', body)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE.replace('WIDTH', str(width))}</style>\n</head>\n"
        f"<body>\n{inlined}</body>\n</html>\n"
    )


def _data(picture: Path) -> str:
    kind = "svg+xml" if picture.suffix == ".svg" else "png"
    return f"data:image/{kind};base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
