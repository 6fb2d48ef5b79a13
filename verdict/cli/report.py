"""Write the review: report.md as GitHub shows it, with its pictures, and report.html, the same in one file."""

import argparse
from pathlib import Path

from verdict.cli import sides
from verdict.cli.exits import exit_2_on_error

HELP = "write the review: report.md and report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, approvals, and the output folder."""
    parser.add_argument("--out", type=Path, default=Path("report"), metavar="FOLDER")
    sides.arguments(parser)
    sides.approvals(parser)


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Write the report; 0 once it is written, whatever the verdict, else 2."""
    from verdict.review.report import vega

    with vega.drawing_process():
        from verdict.review.command import write_report

        return write_report(sides.request(options), options.out)
