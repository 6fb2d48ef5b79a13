"""Check all groups of params.yaml. A stage checks only the groups of stages, and only when it runs."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "check params.yaml"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


@exit_1_on_error
def run(_: argparse.Namespace) -> None:
    """Check it; 0, or 1 with the key that is wrong."""
    from verdict.review.params import load

    enter_project()
    load()
