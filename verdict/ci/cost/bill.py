"""A bill: the amounts that were or will be used, and their prices. Amounts without a price are not in the sum."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from verdict.ci.cost.records import Job, Records
from verdict.review.params import Report

HOURS, MINUTES, STORED = "hours", "minutes", "GB-months"
_KEYS = {HOURS: "price_per_hour", MINUTES: "price_per_hosted_minute", STORED: "price_per_gb_month"}


@dataclass(frozen=True)
class Line:
    """A line of a bill: how many times, the amount in all, its unit, and the price of a unit if it is known."""

    name: str
    times: float
    amount: float
    unit: str
    price: float | None

    @property
    def cost(self) -> float | None:
        """The cost; None without a price."""
        return None if self.price is None else self.amount * self.price


def lines_of(jobs: Iterable[Job], prices: Report) -> Iterator[Line]:
    """Yield the hours of self-hosted machines, then the minutes of GitHub's, by name, the longest first.

    GitHub rounds each job up to whole minutes.
    """
    used: dict[tuple[bool, str], list[float]] = {}
    for job in jobs:
        amount = job.seconds / 3600 if job.self_hosted else math.ceil(job.seconds / 60)
        used.setdefault((not job.self_hosted, job.name), []).append(amount)
    for (hosted, name), amounts in sorted(used.items(), key=lambda item: (item[0][0], -sum(item[1]))):
        if hosted:
            machines, unit, price = "GitHub's machines", MINUTES, prices.price_per_hosted_minute
        else:
            machines, unit, price = "own machines", HOURS, prices.price_per_hour or None
        yield Line(f"{name}, {machines}", len(amounts), sum(amounts), unit, price)


def total(lines: Iterable[Line]) -> float:
    """Return the cost of all lines that have a price."""
    return sum(line.cost or 0.0 for line in lines)


def table(lines: list[Line], currency: str) -> str:
    """Return the lines as a table with their sum, and the names of missing prices below it."""
    rows = [("what", "times", "amount", "", currency)]
    rows += [(line.name, f"{line.times:,.0f}", f"{line.amount:,.3f}", line.unit, _money(line.cost)) for line in lines]
    has_price = not lines or any(line.price is not None for line in lines)
    rows.append(("in all", "", "", "", _money(total(lines) if has_price else None)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = []
    for row in rows:
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, "<>><>", widths, strict=True))
        texts.append("  ".join(cells).rstrip())
    unpriced = {line.unit for line in lines if line.price is None}
    if missing := [f"report.{key}" for unit, key in _KEYS.items() if unit in unpriced]:
        texts.append(f"Not in the sum is what has no price in params.yaml: {', '.join(missing)}.")
    return "\n".join(texts)


def _money(cost: float | None) -> str:
    return "no price" if cost is None else f"{cost:,.2f}"


@dataclass(frozen=True)
class Budget:
    """The limit of a month, the cost of the last 30 days, and the expected cost of machines still to be started."""

    limit: float
    spent: float
    planned: float

    @property
    def is_over(self) -> bool:
        """True if the machines must not be started."""
        return self.spent + self.planned > self.limit


def monthly_budget(limit: float, records: Records, machines: int, prices: Report) -> Budget:
    """Compare past jobs and planned machines with a limit; a machine is expected to run for the mean of past ones."""
    seconds = [job.seconds for job in records.jobs if job.self_hosted]
    mean_hours = sum(seconds) / len(seconds) / 3600 if seconds else 0.0
    return Budget(limit, total(lines_of(records.jobs, prices)), machines * mean_hours * prices.price_per_hour)
