"""`python -m review lock`: the commands of the review."""

import argparse
import sys
from pathlib import Path

from classifier.errors import exit_code


def _lock(root: Path, ran: bool) -> int:
    from review.lock import check

    findings = check(root, ran)
    for finding in findings:
        print(finding)
    print(f"dvc.lock: {len(findings)} findings" if findings else "dvc.lock is consistent with this tree")
    return 1 if findings else 0


def main() -> int:
    """Parse the command line, run the command, return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m review", description="Review a change.")
    commands = parser.add_subparsers(dest="command", required=True)
    lock = commands.add_parser("lock", help="is dvc.lock consistent with this tree? exit 0 or 1; needs no data")
    lock.add_argument("--ran", action="store_true", help="each entry must also stand in the run-cache")
    options = parser.parse_args()
    codes: list[int] = []
    failed = exit_code(lambda: codes.append(_lock(Path.cwd(), options.ran)))
    return failed or codes[0]


if __name__ == "__main__":
    sys.exit(main())
