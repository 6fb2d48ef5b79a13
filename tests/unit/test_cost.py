"""A bill, a forecast and a budget of given records and prices."""

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from verdict.base.errors import VerdictError
from verdict.ci.cost.bill import Line, lines_of, monthly_budget, table, total
from verdict.ci.cost.forecast import ExpectedMonth, forecast
from verdict.ci.cost.records import Job, Records
from verdict.review.params import Report

PRICED: dict[str, Any] = {"price_per_hour": 2.0, "currency": "EUR", "price_per_hosted_minute": 0.01}
UNKNOWN = Report(price_per_hour=0.0, currency="EUR")
JOBS = (
    Job("experiment", True, 5400.0),
    Job("experiment", True, 1800.0),
    Job("experiment", False, 61.0),
    Job("report", False, 59.0),
    Job("audit", True, 10800.0),
)


def records(*jobs: Job, **runs: int) -> Records:
    """Records of these jobs, in so many runs of each workflow."""
    return Records("owner/verdict", Counter(runs), jobs or JOBS)


def test_a_bill_prices_own_hours_and_githubs_whole_minutes() -> None:
    """Hours of one's own machines come first, the longest on top; 61 seconds of GitHub's are two minutes."""
    lines = list(lines_of(JOBS, Report(**PRICED)))
    assert [(line.name, line.times, line.amount, line.unit, line.cost) for line in lines] == [
        ("audit, own machines", 1, 3.0, "hours", 6.0),
        ("experiment, own machines", 2, 2.0, "hours", 4.0),
        ("experiment, GitHub's machines", 1, 2, "minutes", 0.02),
        ("report, GitHub's machines", 1, 1, "minutes", 0.01),
    ]
    assert total(lines) == pytest.approx(10.03)


def test_what_has_no_price_is_shown_in_its_unit_and_named() -> None:
    """No price is made up: the row has none, the sum leaves it out, and the key that would give it is named."""
    half = Report(price_per_hour=2.0, currency="EUR")
    told = table(list(lines_of(JOBS, half)), "EUR").splitlines()
    assert [line.split()[-1] for line in told[1:6]] == ["6.00", "4.00", "price", "price", "10.00"]
    assert told[-1] == "Not in the sum is what has no price in params.yaml: report.price_per_hosted_minute."
    assert table(list(lines_of(JOBS, UNKNOWN)), "EUR").splitlines()[5].split() == ["in", "all", "no", "price"]


def test_a_price_of_zero_is_a_price() -> None:
    """GitHub's minutes are free for public repositories: they cost 0.00, and nothing is missing."""
    free = table([Line("tests", 1, 7.0, "minutes", 0.0)], "USD").splitlines()
    assert [line.split()[-1] for line in free] == ["USD", "0.00", "0.00"]


@pytest.mark.parametrize(
    ("limit", "machines", "over"),
    [(13.37, 1, False), (13.36, 1, True), (16.69, 2, True), (16.70, 2, False), (0.0, 1, True)],
)
def test_a_budget_counts_the_machines_that_wait(limit: float, machines: int, over: bool) -> None:
    """10.03 are spent; each machine to come is reckoned at the mean of the own ones before it: 1 h 40 min, so 3.33."""
    prices = Report(**PRICED)
    assert monthly_budget(limit, records(), machines, prices).is_over == over


def test_a_first_machine_is_started_within_any_budget() -> None:
    """Without earlier runs nothing can be forecast, and nothing is spent."""
    budget = monthly_budget(0.0, Records("", Counter(), ()), 1, Report(**PRICED))
    assert (budget.spent, budget.planned, budget.is_over) == (0.0, 0.0, False)


@pytest.mark.parametrize("missing", ["price_per_hour", "price_per_hosted_minute"])
def test_a_budget_needs_the_prices_of_machines(missing: str) -> None:
    """A budget that could not be judged is refused when params.yaml is read, not when a machine waits."""
    given = {**PRICED, "budget_per_month": 100.0, missing: 0.0 if missing == "price_per_hour" else None}
    with pytest.raises(ValidationError, match="budget_per_month needs"):
        Report(**given)
    assert Report(**PRICED, budget_per_month=100.0).budget_per_month == 100.0


def test_a_forecast_multiplies_what_runs_took() -> None:
    """Two runs of the records took 5 hours and 3 minutes: ten a day for 30 days take 150 times that."""
    prices = Report(**PRICED, price_per_gb_month=0.02)
    told = forecast(ExpectedMonth(10, 0.5, 14, 0), records(experiment=2, audit=1, report=1), prices)
    rows = [line.split() for line in told.splitlines()]
    assert rows[1] == ["runs,", "own", "machines", "300", "750.000", "hours", "1,500.00"]
    assert rows[2] == ["runs,", "GitHub's", "machines", "300", "450.000", "minutes", "4.50"]
    assert rows[3] == ["storage", "141", "70.500", "GB-months", "1.41"]
    assert rows[4] == ["in", "all", "1,505.91"]
    assert "- 10 runs of experiment on each of 30 days, each as the mean of 2 (owner/verdict)" in told
    assert "0.500 GB of main, which stay, and as much of each run for 14 days" in told


def test_deployments_are_reckoned_by_their_own_records() -> None:
    """Their jobs are no share of a run; without a record of one they are named, not guessed."""
    prices, expected = Report(**PRICED), ExpectedMonth(1, 0.0, 0, 8)
    deploys = (Job("deploy", True, 3600.0), Job("deploy", True, 1800.0))
    told = forecast(expected, records(*JOBS, *deploys, experiment=2, deploy=2), prices)
    rows = [line.split() for line in told.splitlines()]
    assert rows[1] == ["runs,", "own", "machines", "30", "75.000", "hours", "150.00"]
    assert rows[3] == ["deployments,", "own", "machines", "8", "6.000", "hours", "12.00"]
    assert "- 8 deployments, each as the mean of 2" in told
    unknown = forecast(expected, records(experiment=2), prices)
    assert "- not in the sum: 8 deployments, since there is no record of a run of deploy" in unknown
    assert "deployments, own" not in unknown


def test_records_of_one_machine_know_nothing_of_githubs() -> None:
    """A forecast by a laptop's own times says that GitHub's minutes are missing."""
    told = forecast(ExpectedMonth(1, 0.0, 0, 0), records(Job("train", True, 60.0), experiment=1), UNKNOWN)
    assert "not in the sum: GitHub's machines, of which these records know nothing" in told
    assert "of which these records" not in forecast(ExpectedMonth(1, 0.0, 0, 0), records(experiment=1), UNKNOWN)


def test_without_a_record_nothing_is_forecast() -> None:
    """No number is made up where nothing was measured; the remedy says how to measure."""
    with pytest.raises(VerdictError, match="no record of a run of experiment") as caught:
        forecast(ExpectedMonth(1, 0.0, 0, 0), records(report=1), UNKNOWN)
    assert "make repro" in caught.value.remedy
