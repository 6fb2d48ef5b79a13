"""Guard a serving host: start, weigh and stop its servers, roll back a bad release. Runs until it is ended."""

import argparse
import os
from pathlib import Path

from verdict.cli.exits import exit_1_on_error

HELP = "guard a serving host"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file of the host."""
    parser.add_argument(
        "--host",
        type=Path,
        default=Path(os.environ.get("VERDICT_HOST", "/etc/verdict/host.toml")),
        metavar="FILE",
        help="what serves here (default: $VERDICT_HOST, or /etc/verdict/host.toml)",
    )


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Guard; 1 when the file is invalid, or another guard runs."""
    from verdict.delivery.host.guard import Guard
    from verdict.delivery.host.settings import load
    from verdict.delivery.host.store import Store

    settings = load(options.host)
    print(f"guard: {settings.environment}, {settings.engine}, {', '.join(settings.slots)}", flush=True)
    Guard(settings.environment, settings.host(), Store(settings.folder)).run()
