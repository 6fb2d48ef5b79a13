"""Print what this machine offers as a runner, and whether that is enough."""

import argparse
from pathlib import Path

from verdict.cli.exits import exit_1_on_error
from verdict.cli.types import device

HELP = "can this machine serve as a runner?"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the device and the checkout that the machine must serve."""
    parser.add_argument("--device", type=device, help="what it must serve: cpu, cuda or cuda:N (train.device)")
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout to serve (default: this folder)")


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Examine the machine; 0 if it can serve, else 1."""
    from verdict.ci.run.doctor import doctor

    return 0 if doctor(options.device, options.root) else 1
