"""A bill: what was or will be used, at which price; what has no price is shown without one, and is not in the sum."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from verdict.ci.cost.records import Job, Records
from verdict.review.params import Report

HOURS, MINUTES, STORED = "hours", "minutes", "GB-months"
_KEYS = {HOURS: "price_per_hour", MINUTES: "price_per_hosted_minute", STORED: "price_per_gb_month"}


@dataclass(frozen=True)
class Line:
    """Something that costs: how many times, how much in all of a unit, and what a unit costs, where that is known."""

    name: str
    times: float
    amount: float
    unit: str
    price: float | None

    @property
    def cost(self) -> float | None:
        """What it costs; None where nobody has said the price."""
        return None if self.price is None else self.amount * self.price


def lines_of(jobs: Iterable[Job], prices: Report) -> Iterator[Line]:
    """The hours of one's own machines, then the minutes of GitHub's, by what had them, the longest first.

    GitHub rounds each job up to whole minutes.
    """
    used: dict[tuple[bool, str], list[float]] = {}
    for job in jobs:
        amount = job.seconds / 3600 if job.self_hosted else math.ceil(job.seconds / 60)
        used.setdefault((not job.self_hosted, job.name), []).append(amount)
    for (hosted, what), amounts in sorted(used.items(), key=lambda one: (one[0][0], -sum(one[1]))):
        if hosted:
            where, unit, price = "GitHub's machines", MINUTES, prices.price_per_hosted_minute
        else:
            where, unit, price = "own machines", HOURS, prices.price_per_hour or None
        yield Line(f"{what}, {where}", len(amounts), sum(amounts), unit, price)


def total(lines: Iterable[Line]) -> float:
    """What those of the lines cost together that have a price."""
    return sum(line.cost or 0.0 for line in lines)


def table(lines: list[Line], currency: str) -> str:
    """The lines as a table, with their sum, and what that lacks."""
    rows = [("what", "times", "amount", "", currency)]
    rows += [(one.name, f"{one.times:,.0f}", f"{one.amount:,.3f}", one.unit, _money(one.cost)) for one in lines]
    known = not lines or any(one.price is not None for one in lines)
    rows.append(("in all", "", "", "", _money(total(lines) if known else None)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = ["  ".join(_cell(*one) for one in zip(row, widths, "<>><>", strict=True)).rstrip() for row in rows]
    unpriced = {line.unit for line in lines if line.price is None}
    if lacking := [f"report.{key}" for unit, key in _KEYS.items() if unit in unpriced]:
        told.append(f"Not in the sum is what has no price in params.yaml: {', '.join(lacking)}.")
    return "\n".join(told)


def _money(cost: float | None) -> str:
    return "no price" if cost is None else f"{cost:,.2f}"


def _cell(text: str, width: int, side: str) -> str:
    return f"{text:{side}{width}}"


@dataclass(frozen=True)
class Budget:
    """What a month may cost, what the last one did, and what the machines that wait to be started would add."""

    limit: float
    spent: float
    planned: float

    @property
    def is_over(self) -> bool:
        """Whether the machines must not be started."""
        return self.spent + self.planned > self.limit


def monthly_budget(limit: float, records: Records, machines: int, prices: Report) -> Budget:
    """Hold records and the machines to come against a budget; one is reckoned at the mean of those that there were."""
    own = [job.seconds for job in records.jobs if job.self_hosted]
    mean = sum(own) / len(own) / 3600 if own else 0.0
    return Budget(limit, total(lines_of(records.jobs, prices)), machines * mean * prices.price_per_hour)
