"""The commands of `verdict`, a module for each: it defines the options, calls, prints, and returns the exit code."""

import argparse
from collections.abc import Sequence

from verdict.cli import (
    ci,
    compare,
    cost,
    data,
    deploy,
    doctor,
    drift,
    feedback,
    gate,
    guard,
    init,
    leaderboard,
    live,
    lock,
    mlflow,
    params,
    predict,
    preview,
    relay,
    release,
    remote,
    report,
    repro,
    rollback,
    scores,
    serve,
    sweep,
    test_set,
)

# In the order in which a newcomer needs them.
COMMANDS = {
    "init": init,
    "data": data,
    "params": params,
    "repro": repro,
    "scores": scores,
    "predict": predict,
    "serve": serve,
    "lock": lock,
    "compare": compare,
    "gate": gate,
    "report": report,
    "test-set": test_set,
    "leaderboard": leaderboard,
    "sweep": sweep,
    "release": release,
    "deploy": deploy,
    "rollback": rollback,
    "guard": guard,
    "drift": drift,
    "feedback": feedback,
    "live": live,
    "preview": preview,
    "relay": relay,
    "mlflow": mlflow,
    "remote": remote,
    "cost": cost,
    "doctor": doctor,
    "ci": ci,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the command, return its exit code.

    Args:
        arguments: by default those of this process.
    """
    options = parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def parser() -> argparse.ArgumentParser:
    """The command line: a subparser for each of `COMMANDS`."""
    top = argparse.ArgumentParser(
        prog="verdict",
        description="Reproduce a text classifier, measure a change against main, and say whether it may pass.",
        epilog="Change params.yaml, run `verdict repro`, then `verdict gate`. README.md shows the way.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=(module.__doc__ or "").strip())
        module.arguments(command)
        command.set_defaults(run=module.run)
    return top
