"""Return to the release that served before: at once, without GitHub or the remote. 0 when it serves again."""

import argparse
import time

from verdict.cli import guard
from verdict.cli.deploy import follow
from verdict.cli.exits import exit_1_on_error

HELP = "return to the release that served before"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the reason, and the file of the host."""
    parser.add_argument("--why", default="by hand", help="stands in the log of the host")
    guard.arguments(parser)


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Order the way back, and wait until it is done."""
    from verdict.delivery.host import orders
    from verdict.delivery.host.settings import load
    from verdict.delivery.host.state import Order

    settings = load(options.host)
    order = Order(f"{time.time_ns()}", None, why=options.why)
    orders.submit(settings, None, order)
    return 0 if follow(settings, order) == "rolled back" else 1
