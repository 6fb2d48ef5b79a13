"""May the change pass? Prints each rule with what was found. Exit 0: pass, 1: fail, 2: cannot judge, never a pass."""

import argparse

from verdict.cli import sides
from verdict.cli.exits import judged

HELP = "may the change pass? exit 0 pass, 1 fail, 2 cannot judge"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, and approvals."""
    sides.arguments(parser)
    sides.approvals(parser)


def run(options: argparse.Namespace) -> int:
    """Print the rules and the verdict; its code."""

    def gate() -> int:
        from verdict.review.command import print_verdict

        return print_verdict(sides.request(options))

    return judged(gate)
