"""A forecast of a month's cost, from the recorded times of runs and an expected number of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from verdict.base.errors import VerdictError
from verdict.ci.cost.bill import STORED, Line, lines_of, table
from verdict.ci.cost.records import DAYS, EXPERIMENT, Job, Records
from verdict.review.params import Report

_DEPLOY = "deploy"  # the workflow


@dataclass(frozen=True)
class ExpectedMonth:
    """The expected use of a month; `data_gb` is the most that one run leaves in the storage."""

    runs_per_day: float
    data_gb: float
    retention_days: float
    deploys: float


def forecast(expected: ExpectedMonth, records: Records, prices: Report) -> str:
    """Return the bill of a month, and its assumptions below.

    Raises:
        VerdictError: there is no record of a run to reckon by.
    """
    if not records.runs[EXPERIMENT]:
        remedy = (
            "make repro, which records its times; or GITHUB_REPOSITORY and GITHUB_TOKEN, to ask GitHub for its runs"
        )
        raise VerdictError(records.source, f"no record of a run of {EXPERIMENT}: nothing to reckon by", remedy)
    bill = table(list(_lines(expected, records, prices)), prices.currency)
    return "\n".join([bill, "", *(f"- {text}" for text in _assumptions(expected, records))])


def _lines(expected: ExpectedMonth, records: Records, prices: Report) -> Iterator[Line]:
    runs, stored = expected.runs_per_day * DAYS, 1 + expected.runs_per_day * expected.retention_days
    deploys = [job for job in records.jobs if job.name == _DEPLOY]
    others = [job for job in records.jobs if job.name != _DEPLOY]
    yield from _scaled("runs", others, records.runs[EXPERIMENT], runs, prices)
    yield from _scaled("deployments", deploys, records.runs[_DEPLOY], expected.deploys, prices)
    yield Line("storage", stored, expected.data_gb * stored, STORED, prices.price_per_gb_month)


def _scaled(name: str, jobs: list[Job], measured: int, runs: float, prices: Report) -> Iterator[Line]:
    """Yield a line for each kind of machine, scaled from the measured number of runs to the expected one."""
    for line in lines_of((replace(job, name=name) for job in jobs), prices):
        yield replace(line, times=runs, amount=line.amount * runs / measured)


def _assumptions(expected: ExpectedMonth, records: Records) -> Iterator[str]:
    measured, deployed = records.runs[EXPERIMENT], records.runs[_DEPLOY]
    each = f"each as the mean of {measured} ({records.source}), with its share of all else that ran"
    yield f"{expected.runs_per_day:g} runs of {EXPERIMENT} on each of {DAYS} days, {each}"
    bound = "an upper bound, since DVC stores once what is the same"
    days = f"{expected.retention_days:g} days"
    yield f"{expected.data_gb:,.3f} GB of main, which stay, and as much of each run for {days}: {bound}"
    if deployed:
        yield f"{expected.deploys:g} deployments, each as the mean of {deployed}"
    elif expected.deploys:
        yield f"not in the sum: {expected.deploys:g} deployments, since there is no record of a run of {_DEPLOY}"
    if all(job.self_hosted for job in records.jobs):
        yield "not in the sum: GitHub's machines, of which these records know nothing"
    yield "not in the sum: starts and idle time of machines, traffic, images"
