"""Print the accuracy of each release by labels that came back, beside the gate's promise.

Exit code, of one release (--release; by default the newest that labels came back for): 0 it holds, 1 it is surely below
the floor, 2 too few labels. People who answer are not a sample of all who ask.
"""

import argparse
import json
import sys
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.outcome import CANNOT_JUDGE
from verdict.cli import feedback
from verdict.cli.exits import exit_2_on_error, libraries_of
from verdict.cli.types import whole_number

HELP = "say how often a release was right, by labels that came back"
_CODES = {"holds": 0, "below the floor": 1}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: release, days, and where counts and promise are."""
    add = parser.add_argument
    add("--release", metavar="VERSION", help="which one the exit code is about")
    add("--days", type=whole_number, default=30, help="of answers that were given in so many days (default: 30)")
    add("--reference", type=Path, metavar="FILE", help="with what was promised (default: metrics/evaluation.json)")
    add("--json", action="store_true", help="for programs")
    feedback.database(parser)


@exit_2_on_error
def run(options: argparse.Namespace) -> int:
    """Print a table, and return the exit code."""
    with libraries_of("`verdict live`", "pip install -r requirements/feedback.txt"):
        from sqlalchemy.exc import SQLAlchemyError

        from verdict.monitoring.feedback import live
        from verdict.monitoring.feedback.store import Store
    try:
        counts = Store(options.database, create=False).counts(live.first_day(options.days))
    except SQLAlchemyError:
        what, remedy = "holds no counts, or cannot be read", "--database URL, the one that `verdict feedback` has"
        raise VerdictError("--database", what, remedy) from None
    promise = live.read_promise(options.reference)
    releases = [{**row._asdict(), "verdict": live.verdict(row, promise)} for row in live.accuracy_by_release(counts)]
    chosen = [release for release in releases if options.release in (None, release["release"])][-1:]
    if options.json:
        print(json.dumps({"promise": promise and promise._asdict(), "releases": releases}, indent=1))
    else:
        print(live.table(releases, promise))
    if options.release and not chosen:
        print(f"no label came back for {options.release} in {options.days} days", file=sys.stderr)
    return _CODES.get(str(chosen[0]["verdict"]), CANNOT_JUDGE) if chosen else CANNOT_JUDGE
