"""Sweeps: try the points of a spec file as DVC experiments, on this machine or on several. docs/sweeps.md."""

import argparse
import json
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project
from verdict.cli.types import whole_number

if TYPE_CHECKING:
    from verdict.experiments.sweep.plan import Plan

HELP = "try what a spec file names, as DVC experiments"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add points, run, push and pull."""
    commands = parser.add_subparsers(dest="verb", required=True)
    points = _command(commands, "points", "the points of a spec file on HEAD; runs nothing")
    points.add_argument("--json", action="store_true", help="one JSON object, such as a workflow's matrix takes")
    run = _command(commands, "run", "run the points that have no result; exit code 1 when one failed")
    run.add_argument("--jobs", type=whole_number, default=1, help="how many at a time (default: 1)")
    run.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these points")
    run.add_argument("--retry", action="store_true", help="run also what failed in an earlier sweep")
    for name, text in (("push", "send experiments to others"), ("pull", "get experiments of others")):
        command = _command(commands, name, f"{text}: commits by a git remote, data by a DVC remote")
        command.add_argument("--git-remote", default="origin", help="name or address (default: origin)")
        command.add_argument("--remote", default="sweeps", help="DVC remote, never main's (default: sweeps)")
        command.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these points")


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Run the verb; 0, or 1 if a point failed or the spec file is wrong."""
    from verdict.experiments.sweep.plan import plan

    points = plan(enter_project(), options.spec)
    if options.verb == "points":
        _print_points(points, options.json)
        return 0
    if options.verb == "run":
        from verdict.experiments.sweep.scheduler import run

        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, _interrupt)
        return run(points, options.only, options.jobs, options.retry)
    from verdict.experiments.sweep.exchange import Exchange

    exchange = Exchange(points, options.git_remote, options.remote)
    return (exchange.push if options.verb == "push" else exchange.pull)(options.only)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help_)
    command.add_argument("spec", type=Path, help="spec file, such as sweeps/linear.yaml")
    return command


def _print_points(chosen: "Plan", as_json: bool) -> None:
    points = [{"name": point.name, "overrides": point.texts} for point in chosen.points]
    if as_json:
        print(json.dumps({"names": [point.name for point in chosen.points], "points": points}))
    else:
        print("\n".join(f"{point.name}  {' '.join(point.texts)}" for point in chosen.points))


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End the sweep as Ctrl-C does, also on SIGTERM and a closed terminal."""
    raise KeyboardInterrupt
