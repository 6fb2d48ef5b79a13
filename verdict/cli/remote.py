"""Does the DVC remote hold all that this revision needs, undamaged? Exit 0 yes, 1 no, 2 cannot be asked."""

import argparse

from verdict.cli.exits import exit_2_on_error
from verdict.cli.project import enter_project

HELP = "does the DVC remote hold all that is needed?"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the remote, and whether to push or verify."""
    parser.add_argument("--remote", metavar="NAME", help="another one than the default remote")
    parser.add_argument("--push", action="store_true", help="dvc push, add what it overlooks, and check")
    parser.add_argument("--verify", action="store_true", help="download all, too, and compare with the hashes")


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Check the remote, and print what is missing."""
    from verdict.repo.remote.command import run as check

    return check(enter_project(), options.remote, options.push, options.verify)
