"""Write leaderboard.md for a comment, leaderboard.html with pictures inside, and leaderboard.csv for programs."""

from pathlib import Path

from verdict.base.files import write_text
from verdict.experiments.leaderboard.board import Board
from verdict.experiments.leaderboard.charts import draw
from verdict.experiments.leaderboard.sections import sections
from verdict.experiments.leaderboard.table import as_csv
from verdict.review.report.markup import fit, render
from verdict.review.report.page import page

_PAGE = "leaderboard.html"
_WIDTH = 1200


def write(board: Board, out: Path) -> None:
    """Write the leaderboard into `out`: leaderboard.md last, so that old pictures never go with it."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("leaderboard*"):
        stale.unlink()
    pictures = draw(board, out)
    write_text(out / "leaderboard.csv", as_csv(board))
    body = "\n".join(map(render, sections(board, pictures, "svg")))
    write_text(out / _PAGE, page("Leaderboard", body, out, _WIDTH))
    write_text(out / "leaderboard.md", fit(sections(board, pictures, "png"), whole=_PAGE))
