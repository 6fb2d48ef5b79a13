"""Reproduce the DAG: `dvc repro`, isolated, with a record of what ran and how long for the report."""

import argparse

from verdict.cli.exits import reported

HELP = "reproduce the DAG, each stage with its own files alone"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


def run(_: argparse.Namespace) -> int:
    """Reproduce; 0, or 1 where a stage failed."""

    def repro() -> None:
        from verdict.repo.environment import enter
        from verdict.repo.place import project
        from verdict.repo.repro import reproduce

        enter()
        reproduce(project())

    return reported(repro)
