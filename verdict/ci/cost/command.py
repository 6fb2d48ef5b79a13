"""The output of `verdict cost`: the last month's bill, a month's forecast, or the check of the budget."""

import os
from datetime import UTC, datetime
from pathlib import Path

from verdict.base.outcome import FAIL, PASS
from verdict.ci.cost.bill import lines_of, monthly_budget, table
from verdict.ci.cost.forecast import ExpectedMonth, forecast
from verdict.ci.cost.records import Records, github_records, local_records
from verdict.ci.github.client import GitHub
from verdict.repo.revisions import Revision
from verdict.review.params import Report

_REMEDY = "wait, or raise report.budget_per_month of main's params.yaml; verdict cost shows what had how much"
_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - a name
_UNKNOWN = "Not known: what GitHub ran; GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=$(gh auth token) verdict cost asks."
_NOT_COUNTED = (
    "Not counted: starts and idle time of machines, storage, traffic; runs of before that were started again."
)


def monthly_bill(root: Path, prices: Report) -> str:
    """Return the recorded times of runs and their cost, as text."""
    records = _records(root)
    lines = [records.source, table(list(lines_of(records.jobs, prices)), prices.currency), _NOT_COUNTED]
    return "\n".join([*lines, *([] if os.environ.get(_TOKEN) else [_UNKNOWN])])


def monthly_forecast(revision: Revision, expected: ExpectedMonth, prices: Report) -> str:
    """Return the expected cost of a month, as text."""
    return forecast(expected, _records(revision.root), prices)


def check_budget(root: Path, prices: Report, machines: int) -> int:
    """Print whether so many machines may be started; return 0 within the budget or without one, 1 over it.

    Raises:
        VerdictError: there is a budget, and GitHub does not answer.
    """
    if prices.budget_per_month is None:
        print("no budget: main's params.yaml has no report.budget_per_month")
        return PASS
    records = github_records(GitHub.from_environment(), root, datetime.now(UTC))
    budget = monthly_budget(prices.budget_per_month, records, machines, prices)
    side = "over" if budget.is_over else "within"
    print(f"{side} the budget of {budget.limit:,.2f} {prices.currency}: {budget.spent:,.2f} in {records.source}")
    print(
        f"  and {budget.planned:,.2f} for {machines} more of one's own machines, at the mean of those that there were"
    )
    if budget.is_over:
        print(f"  remedy: {_REMEDY}")
    return FAIL if budget.is_over else PASS


def data_size_gb(revision: Revision) -> float:
    """Return the GB of all objects in a revision's dvc.lock, each once: the size of a run in an empty storage."""
    sizes = {
        item["md5"]: int(item.get("size", 0))
        for entry in revision.stages.values()
        for item in [*(entry.get("deps") or []), *(entry.get("outs") or [])]
        if "md5" in item
    }
    return sum(sizes.values()) / 1e9


def _records(root: Path) -> Records:
    if os.environ.get(_TOKEN):
        return github_records(GitHub.from_environment(), root, datetime.now(UTC))
    return local_records(root)
