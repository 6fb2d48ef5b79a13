"""Is dvc.lock consistent with this tree? Asked of the files alone, in a second; no data is needed."""

import argparse

from verdict.cli.exits import exit_1_on_error
from verdict.cli.project import enter_project

HELP = "is dvc.lock consistent with this tree? needs no data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the question whether it ever ran."""
    parser.add_argument("--ran", action="store_true", help="each entry must also be in the run-cache")


@exit_1_on_error
def run(options: argparse.Namespace) -> int:
    """Print the findings; 0 without any, else 1."""
    from verdict.repo.lock.check import check_with_unknown

    findings, unknown = check_with_unknown(enter_project(), options.ran)
    for line in [*findings, *unknown]:
        print(line)
    found = f"dvc.lock: {len(findings)} finding{'' if len(findings) == 1 else 's'}"
    print(found if findings else "dvc.lock is consistent with this tree")
    return 1 if findings else 0
