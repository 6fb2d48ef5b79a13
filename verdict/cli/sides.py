"""The options of compare, gate and report for the two sides of a comparison."""

import argparse
from typing import TYPE_CHECKING

from verdict.base.outcome import APPROVABLE

if TYPE_CHECKING:
    from verdict.review.command import Request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides of a comparison."""
    parser.add_argument("--base", metavar="REV", help="what it is compared with (default: the default branch)")
    parser.add_argument("--candidate", metavar="REV", help="a commit instead of the working tree")
    parser.add_argument("--reproduce-base", action="store_true", help="run main's DAG, where its results are lost")


def approvals(parser: argparse.ArgumentParser) -> None:
    """Add the decisions of a person: a first run, and approvals by name."""
    parser.add_argument("--bootstrap", action="store_true", help="first run, no base: floors alone")
    approve = "wave one rule through, by its name"
    parser.add_argument("--approve", action="append", default=[], choices=APPROVABLE, help=approve)


def request(options: argparse.Namespace) -> "Request":
    """The two sides that the options name.

    Raises:
        VerdictError: this folder is no project, or has no default branch.
    """
    from verdict.repo.environment import clean_own_environment
    from verdict.repo.project import project_root
    from verdict.repo.refs import default_branch
    from verdict.review.command import Request

    index = clean_own_environment()
    root = project_root()
    base = options.base if options.base is not None else default_branch(root)
    if getattr(options, "bootstrap", False):
        base = None
    approved = tuple(getattr(options, "approve", ()))
    return Request(root, base, options.candidate, options.reproduce_base, approved, index)
