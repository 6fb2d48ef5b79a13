"""What a month will cost, by what runs took so far and by what somebody expects; each assumption is said."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from verdict.base.errors import VerdictError
from verdict.ci.cost.bill import STORED, Line, lines_of, table
from verdict.ci.cost.records import DAYS, EXPERIMENT, Job, Records
from verdict.review.params import Report

_DEPLOY = "deploy"  # the workflow


@dataclass(frozen=True)
class ExpectedMonth:
    """A month as somebody expects it; `data_gb` is what one run may leave in the storage."""

    runs_per_day: float
    data_gb: float
    retention_days: float
    deploys: float


def forecast(expected: ExpectedMonth, records: Records, prices: Report) -> str:
    """Write the bill of a month, and below it what it assumes.

    Raises:
        VerdictError: there is no record of a run, by which to reckon.
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


def _scaled(what: str, jobs: list[Job], measured: int, times: float, prices: Report) -> Iterator[Line]:
    """The lines of jobs, all of a kind of machine together, of so many runs in place of those that were measured."""
    for line in lines_of((replace(job, name=what) for job in jobs), prices):
        yield replace(line, times=times, amount=line.amount * times / measured)


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
