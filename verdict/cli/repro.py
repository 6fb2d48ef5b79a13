"""Reproduce the DAG: `dvc repro`, isolated, with a record of what ran and how long for the report."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "reproduce the DAG, each stage with its own files alone"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


@exit_1_on_error
def run(_: argparse.Namespace) -> None:
    """Reproduce; 0, or 1 if a stage failed."""
    from verdict.repo.repro import reproduce

    reproduce(enter_project())
