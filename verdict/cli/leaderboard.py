"""Rank experiments of any machine by their score on validation: report/leaderboard."""

import argparse
from pathlib import Path

from verdict.cli.exits import exit_2_on_error
from verdict.cli.project import enter_project

HELP = "rank experiments by their score on validation"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the selection of experiments, and the output folder."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these experiments")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="only the points of this sweep")
    parser.add_argument("--all", action="store_true", help="of all commits, not of HEAD alone")
    parser.add_argument("--out", type=Path, default=Path("report/leaderboard"), metavar="FOLDER")
    parser.add_argument("--chosen", metavar="NAME", help="show the score on test of this one, and of no other")


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Write and print the leaderboard; 0, or 2 if it cannot be made."""
    from verdict.experiments.leaderboard.command import Query
    from verdict.experiments.leaderboard.command import run as write

    root = enter_project()
    return write(root, options.out, Query(options.names, options.spec, options.all, options.chosen))
