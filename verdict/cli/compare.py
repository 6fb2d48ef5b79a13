"""Compare both models on the same test rows: differences with intervals, and a word for each."""

import argparse
from pathlib import Path

from verdict.cli import sides
from verdict.cli.exits import exit_2_on_error

HELP = "both models on the same rows, with intervals"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, and a file for the figures."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything but the rows there")
    sides.arguments(parser)


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Print the comparison; 0, or 2 if there is none."""
    from verdict.review.command import print_comparison

    return print_comparison(sides.request(options), options.json)
