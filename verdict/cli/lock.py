"""Is dvc.lock consistent with this tree? The check takes a second and needs no data."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "is dvc.lock consistent with this tree? needs no data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the check of the run-cache."""
    parser.add_argument("--ran", action="store_true", help="each entry must also be in the run-cache")


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Print the findings; 0 without any, else 1."""
    from verdict.repo.lock.check import check_with_unknown

    findings, unknown = check_with_unknown(enter_project(), options.ran)
    for line in [*findings, *unknown]:
        print(line)
    total = f"dvc.lock: {len(findings)} finding{'' if len(findings) == 1 else 's'}"
    print(total if findings else "dvc.lock is consistent with this tree")
    return 1 if findings else 0
