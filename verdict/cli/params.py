"""Check params.yaml, all groups of it. The stages check what they read, but only those that run."""

import argparse

from verdict.cli.exits import reported

HELP = "check params.yaml"


def arguments(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no options."""


def run(_: argparse.Namespace) -> int:
    """Check it; 0, or 1 with the key that is wrong."""

    def check() -> None:
        from verdict.classifier.params import load

        load()

    return reported(check)
