"""Previews of pull requests, on their host: the judged artifact, served by this code.

`start` replaces the preview of a pull request: 1 when the artifact is refused, and the former one is still served.
There are at most ten: the least recently used one ends, and none is older than three days.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.cli.exits import exit_1_on_error
from verdict.cli.steps import steps

if TYPE_CHECKING:
    from verdict.delivery.host.previews import Previews

HELP = "serve the judged model of a pull request"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add start, stop and prune."""
    add = steps(parser)
    start = add("start", _start, "serve an artifact; 1 when it is refused")
    stop = add("stop", _stop, "end a preview")
    prune = add("prune", _prune, "end what is too old, unwanted, or one too many")
    for command in (start, stop):
        command.add_argument("number", type=int, metavar="PULL", help="number of the pull request")
    start.add_argument("--artifact", type=Path, required=True, metavar="FOLDER", help="from a run that was judged")
    start.add_argument("--commit", default="unknown", help="that its answers name")
    start.add_argument("--most", type=float, default=400.0, metavar="MB", help="a larger artifact is refused (400)")
    prune.add_argument("--keep", type=_pulls, metavar="PULLS", help='"7 9": only these are wanted (default: all)')
    default = Path(os.environ.get("VERDICT_PREVIEWS", Path.home() / ".local/share/verdict/previews"))
    for command in (start, stop, prune):
        command.add_argument("--folder", type=Path, default=default, help="where they are kept ($VERDICT_PREVIEWS)")


def _pulls(text: str) -> set[int]:
    try:
        return set(map(int, text.split()))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is no line of numbers, such as "7 9"') from None


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Run the step; 0, or 1 with a message."""
    options.step(options)


def _start(options: argparse.Namespace) -> None:
    from verdict.ci.github.preview import port_of

    _print_ended(_previews(options).start(options.number, options.artifact, options.commit))
    print(f"preview of #{options.number}: http://127.0.0.1:{port_of(options.number)}")


def _stop(options: argparse.Namespace) -> None:
    _previews(options).stop(options.number)


def _prune(options: argparse.Namespace) -> None:
    from verdict.ci.github.output import output
    from verdict.ci.github.preview import format_commits

    previews = _previews(options)
    _print_ended(previews.prune(options.keep))
    serving = format_commits(previews.serving())
    print(f"serving: {serving or 'none'}")
    output("serving", serving)


def _previews(options: argparse.Namespace) -> "Previews":
    from verdict.ci.github.preview import port_of
    from verdict.delivery.host.previews import Previews

    return Previews(options.folder.absolute(), port_of, int(vars(options).get("most", 0) * 1e6))


def _print_ended(numbers: list[int]) -> None:
    for number in numbers:
        print(f"preview of #{number}: ended")
