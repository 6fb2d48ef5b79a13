"""Schema of all of params.yaml: the classifier's groups, and policy, prices, consent and retraining."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from verdict.base.errors import VerdictError
from verdict.classifier.params import PATH, Params, load_as
from verdict.classifier.params.metric_names import (
    LOWER_IS_BETTER,
    OVERALL,
    RATED,
    class_metric_names,
    known_metric,
    metrics_of,
)
from verdict.classifier.params.section import Count, NonNegative, Positive, Section, Seed
from verdict.monitoring.feedback.settings import Consent

# Stands for the headline metric in `fail_on_worse` and `floors`.
_HEADLINE = "headline"


def _known(name: str) -> str:
    return name if name == _HEADLINE else known_metric(name)


def _floored(name: str) -> str:
    if name in LOWER_IS_BETTER:
        raise ValueError("less of it is better: a floor would ask for more")
    return _known(name)


def _by_metric(value: object) -> object:
    return value if isinstance(value, dict) else {_HEADLINE: value}


def _or_none(value: object) -> object:
    return {} if value is None else value


Metric = Annotated[str, AfterValidator(_known)]
Floors = Annotated[
    dict[Annotated[str, AfterValidator(_floored)], Annotated[float, Field(ge=0, le=1)]],
    Field(min_length=1),
    BeforeValidator(_by_metric),
]


class SeedRule(Section):
    """The least number of seeds of a change, and the largest spread of their headline metric on validation."""

    at_least: Count = 1
    max_spread: NonNegative = 0.02


class Gate(Section):
    """The policy of the gate. It is read from the base revision, never from the change itself."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=1000, le=100_000)]
    seed: Seed
    fail_on_worse: Annotated[
        dict[str, Annotated[tuple[Metric, ...], Field(strict=False, min_length=1)]], BeforeValidator(_or_none)
    ]
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    floors: Annotated[dict[str, Floors], BeforeValidator(_or_none)]
    max_artifact_mb: Positive
    max_seconds_per_1000: Positive
    lock: Literal["ran", "consistent", "ignore"]
    seeds: SeedRule = SeedRule()

    @field_validator("fail_on_worse")
    @classmethod
    def _metrics_differ(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if twice := [group for group, metrics in value.items() if len(set(metrics)) < len(metrics)]:
            raise ValueError(f"{', '.join(twice)} has a metric twice")
        return value

    def claims(self, headline: str) -> tuple[tuple[str, str], ...]:
        """The pairs of group and metric in which a change must not be measurably worse, each once."""
        pairs = ((group, metric) for group, metrics in self.fail_on_worse.items() for metric in metrics)
        return tuple(dict.fromkeys((group, headline if metric == _HEADLINE else metric) for group, metric in pairs))

    def floors_of(self, headline: str) -> dict[tuple[str, str], float]:
        """The floor of each group and metric that has one; a floor without a metric is for the headline metric."""
        return {
            (group, headline if metric == _HEADLINE else metric): floor
            for group, floors in self.floors.items()
            for metric, floor in floors.items()
        }


class Report(Section):
    """Prices and the budget. A price of null is unknown, and so is a price per hour of 0."""

    price_per_hour: NonNegative
    currency: Annotated[str, Field(min_length=1, max_length=8)]
    price_per_hosted_minute: NonNegative | None = None
    price_per_gb_month: NonNegative | None = None
    budget_per_month: NonNegative | None = None

    @model_validator(mode="after")
    def _budget_has_prices(self) -> Self:
        unknown = not self.price_per_hour or self.price_per_hosted_minute is None
        if self.budget_per_month is not None and unknown:
            raise ValueError("budget_per_month needs price_per_hour, and price_per_hosted_minute (0 where it is free)")
        return self


class Retrain(Section):
    """Conditions of an automatic proposal to retrain; read from main.

    `columns` has the values of the table's columns that rows from users lack.
    """

    min_labels: Count = 200
    cooldown_days: NonNegative = 7
    per_month: Annotated[int, Field(ge=0)] = 4
    columns: dict[str, str] = Field(default_factory=dict)


class AllParams(Params):
    """All of params.yaml, with the schema of every group."""

    gate: Gate
    report: Report
    feedback: Consent = Consent()
    retrain: Retrain = Retrain()


def load(path: Path = PATH) -> AllParams:
    """Read params.yaml, and check every group.

    A policy for groups or metrics that the data cannot have is refused here and not by `Gate`: main's data may have
    other slices. The gate checks what depends on the rows, such as the names of slices.

    Raises:
        VerdictError: as `verdict.classifier.params.load`; or the policy names a group or metric that there cannot be.
    """
    params = load_as(AllParams, path)
    if wrong := list(_impossible(params)):
        raise VerdictError(str(path), "".join(f"\n  {line}" for line in wrong), "correct the names")
    return params


def _impossible(params: AllParams) -> Iterator[str]:
    """Groups and metrics of the policy that the data cannot have, one line each."""
    headline, gate = params.evaluate.headline, params.gate
    pairs_of_key = {"fail_on_worse": gate.claims(headline), "floors": tuple(gate.floors_of(headline))}
    if headline in LOWER_IS_BETTER or ":" in headline or _lacking(params, headline):
        yield f"evaluate.headline: {headline}: {_lacking(params, headline) or 'not one that can decide'}"
    for key, pairs in pairs_of_key.items():
        for group, metric in pairs:
            if group != OVERALL and params.data.slice is None:
                yield f"gate.{key}: no such group: {group:.80}; without data.slice there is {OVERALL} alone"
            elif metric != headline and (lacking := _lacking(params, metric)):
                yield f"gate.{key}.{group:.80}: {metric:.80}: {lacking}"


def _lacking(params: AllParams, metric: str) -> str:
    """The reason why the data cannot have a metric, as far as params tell; empty where it may have it."""
    data = params.data
    if metric in RATED:
        return "" if data.rating else "without data.rating there is none"
    if data.labels is None:
        return ""
    possible = class_metric_names(data.labels) if ":" in metric else metrics_of(len(data.labels), rated=False)
    return "" if metric in possible else f"data.labels names {len(data.labels)} classes, which have none"
