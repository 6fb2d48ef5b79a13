"""Screenshots of a report: report.html in a real browser, and report.md as GitHub would show it, wide and narrow.

    python -I dev/preview.py report .venv/github-markdown-light.css

GitHub's own parser and stylesheet draw report.md; the browser is Chromium, from the PATH. Written beside the report:
preview-github-900.png, preview-github-380.png, preview-page-900.png, preview-page-380.png.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cmarkgfm
from cmarkgfm.cmark import Options
from PIL import Image, ImageChops

from verdict.base.errors import VerdictError, exit_code

WIDTHS = (900, 380)
_MAX_HEIGHT = 16_000  # pixels; Chromium draws no more in one piece
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def as_github(markdown: str, style: str) -> str:
    """A page with the comment: parsed and sanitised as by GitHub, with its stylesheet, and all folds open."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    body = re.sub(r"<(script|style|iframe|object|form|input)\b[^>]*>", "", body, flags=re.IGNORECASE)
    return (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<style>{style} body{{margin:16px;background:#fff}}</style>"
        f'<article class="markdown-body">{_open(body)}</article>'
    )


def _open(body: str) -> str:
    return body.replace("<details>", "<details open>")


def shoot(browser: str, page: Path, width: int, target: Path) -> None:
    """Draw `page` at `width` CSS pixels into `target`, a PNG cut at the end of the page."""
    with TemporaryDirectory(prefix="verdict-browser-") as profile:
        # In a frame: no browser opens a window as narrow as a phone.
        frame = Path(profile) / "frame.html"
        style = f"border:0;width:{width}px;height:{_MAX_HEIGHT}px"
        frame.write_text(f'<body style="margin:0"><iframe src="{page.as_uri()}" style="{style}">', encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
        size = f"--window-size={max(width, 500)},{_MAX_HEIGHT}"
        command = [browser, *options, f"--user-data-dir={profile}", size, f"--screenshot={target}", frame.as_uri()]
        result = subprocess.run(
            command, check=False, capture_output=True, encoding="utf-8", errors="replace", timeout=120
        )
    if result.returncode or not target.exists():
        raise VerdictError(browser, " ".join(result.stderr.split())[-300:], "see the browser's own message")
    picture = Image.open(target).convert("RGB").crop((0, 0, width, _MAX_HEIGHT))
    background = Image.new("RGB", picture.size, picture.getpixel((width - 1, _MAX_HEIGHT - 1)))
    drawn = ImageChops.difference(picture, background).getbbox() or (0, 0, width, 0)
    picture.crop((0, 0, width, drawn[3] + 24)).save(target)


def main() -> None:
    """Make the four screenshots."""
    parser = argparse.ArgumentParser(description="Screenshots of a report.")
    parser.add_argument("report", type=Path, help="the folder that `verdict report` wrote")
    parser.add_argument("style", type=Path, help="GitHub's stylesheet (npm: github-markdown-css)")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise VerdictError("PATH", f"none of {', '.join(_BROWSERS)}", "install Chromium: apt-get install chromium")
    folder = options.report.resolve()
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    github, page = folder / "preview-github.html", folder / "preview-page.html"
    github.write_text(as_github(markdown, options.style.read_text(encoding="utf-8")), encoding="utf-8")
    page.write_text(_open((folder / "report.html").read_text(encoding="utf-8")), encoding="utf-8")
    for source in (github, page):
        for width in WIDTHS:
            target = folder / f"{source.stem}-{width}.png"
            shoot(browser, source, width, target)
            print(target)
        source.unlink()


if __name__ == "__main__":
    sys.exit(exit_code(main))
