"""May the change pass? Prints each rule with what was found. Exit 0: pass, 1: fail, 2: cannot judge, never a pass."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from verdict.cli import sides
from verdict.cli.exits import exit_2_on_error

HELP = "may the change pass? exit 0 pass, 1 fail, 2 cannot judge"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, approvals, and the folder for a report."""
    report = "write the report there, too: faster than both commands"
    parser.add_argument("--report", type=Path, metavar="FOLDER", help=report)
    sides.arguments(parser)
    sides.approvals(parser)


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Print the rules and the verdict; return the code of the verdict."""
    from verdict.review.report import vega

    with nullcontext() if options.report is None else vega.drawing_process():
        from verdict.review.command import print_verdict

        return print_verdict(sides.request(options), options.report)
