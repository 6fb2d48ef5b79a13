"""Approve the test set: write data/test-set.txt, the digests of the test rows that count."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "approve the test rows that count: data/test-set.txt"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option to let no new rows in."""
    parser.add_argument("--no-new", action="store_true", help="only take out those that are gone")


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Write the file; 0, or 1 if there is no test split."""
    from verdict.review.testset import write_test_set

    print(write_test_set(enter_project(), options.no_new))
