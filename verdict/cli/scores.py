"""Print the table of the metrics, beside the published ones."""

import argparse
from pathlib import Path

from verdict.cli.exits import reported

HELP = "print the table of the metrics"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file of the metrics."""
    parser.add_argument("path", type=Path, nargs="?", default=Path("metrics/evaluation.json"))


def run(options: argparse.Namespace) -> int:
    """Print the table; 0, or 1 where there are no metrics."""

    def show() -> None:
        from verdict.classifier.scores.scoreboard import scoreboard

        print(scoreboard(options.path))

    return reported(show)
