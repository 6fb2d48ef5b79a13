"""Approve the test set: write data/test-set.txt, the digests of the test rows that count."""

import argparse

from verdict.cli.exits import reported

HELP = "approve the test rows that count: data/test-set.txt"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice to let no new rows in."""
    parser.add_argument("--no-new", action="store_true", help="only take out those that are gone")


def run(options: argparse.Namespace) -> int:
    """Write the file; 0, or 1 where there is no test split."""

    def approve() -> None:
        from verdict.repo.environment import clean_own_environment
        from verdict.repo.project import project_root
        from verdict.review.testset import write_test_set

        clean_own_environment()
        print(write_test_set(project_root(), options.no_new))

    return reported(approve)
