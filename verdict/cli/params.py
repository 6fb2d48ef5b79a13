"""Check params.yaml, all groups of it. A stage checks no group but those of stages, and only when it runs."""

import argparse

from verdict.cli.exits import reported

HELP = "check params.yaml"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


def run(_: argparse.Namespace) -> int:
    """Check it; 0, or 1 with the key that is wrong."""

    def check() -> None:
        from verdict.repo.environment import enter
        from verdict.repo.place import project
        from verdict.review.params import load

        enter()
        project()
        load()

    return reported(check)
