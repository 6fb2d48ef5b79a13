"""Reproduce the DAG: `dvc repro`, isolated, with a record of what ran and how long for the report."""

import argparse

from verdict.cli.exits import reported

HELP = "reproduce the DAG, each stage with its own files alone"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


def run(_: argparse.Namespace) -> int:
    """Reproduce; 0, or 1 where a stage failed."""

    def repro() -> None:
        from verdict.repo.environment import clean_own_environment
        from verdict.repo.project import project_root
        from verdict.repo.repro import reproduce

        clean_own_environment()
        reproduce(project_root())

    return reported(repro)
