"""leaderboard.md for a comment, leaderboard.html with its pictures inside, leaderboard.csv for programs."""

from collections.abc import Iterator
from pathlib import Path

from verdict.base.files import write_text
from verdict.experiments.leaderboard import sections
from verdict.experiments.leaderboard.board import Board
from verdict.experiments.leaderboard.charts import Picture, draw
from verdict.experiments.leaderboard.table import as_csv
from verdict.review.report.markup import Section, fit, render
from verdict.review.report.page import page

_PAGE = "leaderboard.html"
_WIDTH = 1200


def write(board: Board, out: Path) -> None:
    """Write the leaderboard into `out`: leaderboard.md last, so that nobody takes old pictures for its own."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("leaderboard*"):
        stale.unlink()
    pictures = draw(board, out)
    write_text(out / "leaderboard.csv", as_csv(board))
    whole = "\n".join(render(part) for part in _sections(board, pictures, "svg"))
    write_text(out / _PAGE, page("Leaderboard", whole, out, _WIDTH))
    write_text(out / "leaderboard.md", fit(list(_sections(board, pictures, "png")), whole=_PAGE))


def _sections(board: Board, pictures: list[Picture], kind: str) -> Iterator[Section]:
    yield sections.heading(board)
    yield from sections.chosen(board)
    if board.rows:
        yield sections.ranking(board)
        yield sections.plots(pictures, kind)
        yield sections.domains(board)
    yield from sections.apart(board)
    yield from sections.next_steps(board)
