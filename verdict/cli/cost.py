"""Print the cost of the last month, a forecast, or a check of the budget. Needs GITHUB_TOKEN and GITHUB_REPOSITORY.

Without a token it prints what this machine recorded. Exit codes of --check: 0 within the budget or without one, 1 over
it, 2 cannot judge.
"""

import argparse

from verdict.cli.exits import exit_1_on_error, exit_2_on_error
from verdict.cli.project import enter_project
from verdict.cli.types import amount, whole_number

HELP = "what runs cost, a forecast, and the budget"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add --check, --forecast, and the quantities of a forecast."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="may a machine be started? 0 yes, 1 over budget, 2 unknown")
    mode.add_argument("--forecast", action="store_true", help="a month's bill, by what runs took so far")
    parser.add_argument(
        "--base", metavar="REV", help="whose budget and prices --check takes (default: the default branch)"
    )
    parser.add_argument("--machines", type=whole_number, default=1, metavar="N", help="with --check: how many")
    expected = parser.add_argument_group("a month to come")
    expected.add_argument("--runs-per-day", type=amount, default=1.0, metavar="N", help="default: %(default)s")
    expected.add_argument(
        "--data-gb", type=amount, metavar="X", help="a run leaves in the storage (default: by dvc.lock)"
    )
    expected.add_argument("--retention-days", type=amount, default=30.0, metavar="D", help="default: %(default)s")
    expected.add_argument("--deploys-per-month", type=amount, default=0.0, metavar="M", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Print the bill, a forecast or the check; the exit code of --check is its answer."""
    return _check(options) if options.check else _print(options)


@exit_2_on_error
def _check(options: argparse.Namespace) -> int:
    from verdict.ci.cost.command import check_budget
    from verdict.repo.refs import default_branch
    from verdict.repo.revisions import resolve
    from verdict.review.policy import report_of

    root = enter_project()
    main = resolve(root, options.base if options.base is not None else default_branch(root))
    return check_budget(root, report_of(main), options.machines)


@exit_1_on_error
def _print(options: argparse.Namespace) -> None:
    from verdict.ci.cost.command import data_size_gb, monthly_bill, monthly_forecast
    from verdict.ci.cost.forecast import ExpectedMonth
    from verdict.repo.revisions import working_tree
    from verdict.review.policy import report_of

    here = working_tree(enter_project())
    if not options.forecast:
        print(monthly_bill(here.root, report_of(here)))
        return
    data = data_size_gb(here) if options.data_gb is None else options.data_gb
    expected = ExpectedMonth(options.runs_per_day, data, options.retention_days, options.deploys_per_month)
    print(monthly_forecast(here, expected, report_of(here)))
