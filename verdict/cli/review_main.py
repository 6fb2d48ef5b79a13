"""`verdict lock | compare | gate | report | leaderboard | params | repro | test-set | remote`."""

if __name__ == "__main__":
    from verdict.base.isolated import start_again

    start_again("verdict")

import argparse
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.outcome import APPROVABLE, CANNOT_JUDGE
from verdict.repo.environment import enter

if TYPE_CHECKING:
    from verdict.review.command import Request


def judged(command: Callable[[], int]) -> int:
    """Run a command that judges: whatever goes wrong on the way is 2, never a pass, and never a mere failure."""
    try:
        from verdict.base.errors import VerdictError, exit_code
        from verdict.base.printable import plain

        codes: list[int] = []

        def run() -> None:
            try:
                codes.append(command())
            except VerdictError as error:
                print(f"error: {plain(error.where)}: {plain(error.what, 1000)}", file=sys.stderr)
                print(f"  remedy: {plain(error.remedy)}", file=sys.stderr)
                codes.append(CANNOT_JUDGE)

        failed = exit_code(run)
    except Exception:  # a crash is never a pass, nor is code that cannot even be imported
        traceback.print_exc()
        print("cannot judge: a defect of the review, see above", file=sys.stderr)
        return CANNOT_JUDGE
    return CANNOT_JUDGE if failed else codes[0]


def _lock(options: argparse.Namespace) -> int:
    from verdict.repo.lock.check import look
    from verdict.repo.place import project

    findings, unknown = look(project(), options.ran)
    for line in [*findings, *unknown]:
        print(line)
    found = f"dvc.lock: {len(findings)} finding{'' if len(findings) == 1 else 's'}"
    print(found if findings else "dvc.lock is consistent with this tree")
    return 1 if findings else 0


def _request(options: argparse.Namespace) -> "Request":
    from verdict.repo.names import default_branch
    from verdict.repo.place import project
    from verdict.review.command import Request

    root = project()
    base = options.base if options.base is not None else default_branch(root)
    if getattr(options, "bootstrap", False):
        base = None
    approvals = tuple(getattr(options, "approve", ()))
    return Request(root, base, options.candidate, options.reproduce_base, approvals, options.index)


def _compare(options: argparse.Namespace) -> int:
    from verdict.review.command import print_comparison

    return print_comparison(_request(options), options.json)


def _gate(options: argparse.Namespace) -> int:
    from verdict.review.command import print_verdict

    return print_verdict(_request(options))


def _report(options: argparse.Namespace) -> int:
    from verdict.review.command import write_report

    return write_report(_request(options), options.out)


def _leaderboard(options: argparse.Namespace) -> int:
    from verdict.experiments.leaderboard.command import Options, run
    from verdict.repo.place import project

    chosen = Options(options.out, tuple(options.names), options.spec, options.all, options.chosen)
    return run(project(), chosen)


def _repro(_: argparse.Namespace) -> int:
    from verdict.repo.place import project
    from verdict.repo.repro import reproduce

    reproduce(project())
    return 0


def _params(_: argparse.Namespace) -> int:
    from verdict.repo.place import project
    from verdict.review.params import load

    project()
    load()
    return 0


def _test_set(options: argparse.Namespace) -> int:
    from verdict.repo.place import project
    from verdict.review.testset import write

    print(write(project(), options.no_new))
    return 0


def _remote(options: argparse.Namespace) -> int:
    from verdict.repo.place import project
    from verdict.repo.remote.command import run

    return run(project(), options.remote, options.push, options.verify)


def _remote_options(remote: argparse.ArgumentParser) -> None:
    remote.add_argument("--remote", metavar="NAME", help="another one than the default remote")
    remote.add_argument("--push", action="store_true", help="dvc push, add what it overlooks, and check")
    remote.add_argument("--verify", action="store_true", help="download all, too, and compare with the hashes")
    remote.set_defaults(run=_remote)


def _leaderboard_options(leaderboard: argparse.ArgumentParser) -> None:
    leaderboard.add_argument("names", nargs="*", metavar="NAME", help="only these experiments")
    leaderboard.add_argument("--spec", type=Path, metavar="FILE", help="only the points of this sweep")
    leaderboard.add_argument("--all", action="store_true", help="of all commits, not of HEAD alone")
    leaderboard.add_argument("--out", type=Path, default=Path("report/leaderboard"), metavar="FOLDER")
    leaderboard.add_argument("--chosen", metavar="NAME", help="show the score on test of this one, and of no other")
    leaderboard.set_defaults(run=_leaderboard)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verdict", description="Review a change against main.")
    commands = parser.add_subparsers(dest="command", required=True)
    lock = commands.add_parser("lock", help="is dvc.lock consistent with this tree? exit 0 or 1; needs no data")
    lock.add_argument("--ran", action="store_true", help="each entry must also stand in the run-cache")
    lock.set_defaults(run=_lock)
    compare = commands.add_parser("compare", help="both models on the same sentences, with intervals; 2: cannot judge")
    compare.add_argument("--json", type=Path, metavar="FILE", help="write everything but the sentences there")
    compare.set_defaults(run=_compare)
    gate = commands.add_parser("gate", help="may it pass? exit 0 pass, 1 fail, 2 cannot judge")
    gate.set_defaults(run=_gate)
    report = commands.add_parser("report", help="report.md with its pictures, and report.html; exit 0 once written")
    report.add_argument("--out", type=Path, default=Path("report"), metavar="FOLDER")
    report.set_defaults(run=_report)
    _leaderboard_options(
        commands.add_parser("leaderboard", help="experiments ranked by validation: report/leaderboard")
    )
    repro = commands.add_parser("repro", help="dvc repro, and a record of what ran and how long for the report")
    repro.set_defaults(run=_repro)
    params = commands.add_parser("params", help="check params.yaml; a stage checks no group but those of stages")
    params.set_defaults(run=_params)
    test_set = commands.add_parser("test-set", help="write data/test-set.txt: the rows of the test split that count")
    test_set.add_argument("--no-new", action="store_true", help="only take out those that are gone")
    test_set.set_defaults(run=_test_set)
    _remote_options(commands.add_parser("remote", help="does the DVC remote hold all? 0 yes, 1 no, 2 cannot be asked"))
    for command in (compare, gate, report):
        command.add_argument("--base", metavar="REV", help="what it is compared with (default: the default branch)")
        command.add_argument("--candidate", metavar="REV", help="a commit instead of the working tree")
        command.add_argument("--reproduce-base", action="store_true", help="run main's DAG, where its results are lost")
    for command in (gate, report):
        command.add_argument("--bootstrap", action="store_true", help="first run, no base: floors alone")
        command.add_argument(
            "--approve", action="append", default=[], choices=APPROVABLE, help="wave one rule through, by its name"
        )
    return parser


def main() -> int:
    """Parse the command line, run the command, return its exit code."""
    options = _parser().parse_args()
    options.index = enter()
    if options.command in ("lock", "params", "repro", "test-set"):
        from verdict.base.errors import exit_code

        codes: list[int] = []
        return exit_code(lambda: codes.append(options.run(options))) or codes[0]
    return judged(lambda: options.run(options))


if __name__ == "__main__":
    sys.exit(main())
