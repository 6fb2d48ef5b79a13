"""Check params.yaml, all groups of it. A stage checks no group but those of stages, and only when it runs."""

import argparse

from verdict.cli.exits import reported

HELP = "check params.yaml"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


def run(_: argparse.Namespace) -> int:
    """Check it; 0, or 1 with the key that is wrong."""

    def check() -> None:
        from verdict.repo.environment import clean_own_environment
        from verdict.repo.project import project_root
        from verdict.review.params import load

        clean_own_environment()
        project_root()
        load()

    return reported(check)
