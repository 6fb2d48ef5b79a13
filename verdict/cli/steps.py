"""Steps as subcommands of a command."""

import argparse
from collections.abc import Callable


def steps(parser: argparse.ArgumentParser) -> Callable[[str, object, str], argparse.ArgumentParser]:
    """Return a function that adds a step: its name, the function that runs it, and its line of help."""
    commands = parser.add_subparsers(metavar="STEP", required=True)

    def add(name: str, step: object, text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(name, help=text)
        command.set_defaults(step=step)
        return command

    return add
