"""params.yaml with the judge's groups, which the classifier does not know: the policy, and prices for the report."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.params import PATH, Count, NonNegative, Params, Positive, Section, Seed, load_as
from verdict.classifier.scores.metric_names import HEADLINE, Metric


class SeedRule(Section):
    """How many seeds a change must be trained with, and how far its weighted F1 on validation may spread over them."""

    at_least: Count = 1
    max_spread: NonNegative = 0.02


class Gate(Section):
    """The policy that a change is judged by. It is read from the base revision, never from the change itself."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=1000, le=100_000)]
    seed: Seed
    fail_on_worse: dict[str, Annotated[tuple[Metric, ...], Field(strict=False, min_length=1)]]
    floors: dict[str, Annotated[float, Field(ge=0, le=1)]]
    max_artifact_mb: Positive
    max_seconds_per_1000: Positive
    lock: Literal["ran", "consistent", "ignore"]
    seeds: SeedRule = SeedRule()  # by default, since a base from before it has no such key

    @model_validator(mode="before")
    @classmethod
    def _without_old_keys(cls, value: object) -> object:
        """A base from before the approved test set says how much of the test split may change; that counts no more."""
        return {key: item for key, item in value.items() if key != "max_test_change"} if type(value) is dict else value

    @field_validator("fail_on_worse", mode="before")
    @classmethod
    def _groups_alone(cls, value: object) -> object:
        """A list of groups, which is how a base from before the mapping says it, means weighted F1 in each."""
        is_list = isinstance(value, list | tuple) and all(isinstance(group, str) for group in value)
        return dict.fromkeys(value, (HEADLINE,)) if is_list else value  # type: ignore[call-overload]

    @field_validator("fail_on_worse")
    @classmethod
    def _metrics_differ(cls, value: dict[str, tuple[Metric, ...]]) -> dict[str, tuple[Metric, ...]]:
        if twice := [group for group, metrics in value.items() if len(set(metrics)) < len(metrics)]:
            raise ValueError(f"{', '.join(twice)} has a metric twice")
        return value

    @property
    def claims(self) -> tuple[tuple[str, Metric], ...]:
        """The pairs of group and metric in which a change must not be measurably worse."""
        return tuple((group, metric) for group, metrics in self.fail_on_worse.items() for metric in metrics)


class Report(Section):
    """What the report adds to the measured figures."""

    price_per_hour: NonNegative
    currency: Annotated[str, Field(min_length=1, max_length=8)]


class AllParams(Params):
    """All of params.yaml, with the schema of every group."""

    gate: Gate
    report: Report


def load(path: Path = PATH) -> AllParams:
    """Read params.yaml, and check every group.

    A policy for groups that there are not is told here, and not by `Gate`: main's may have other domains.

    Raises:
        VerdictError: as `verdict.classifier.params.load`; or the policy names a group that there is not.
    """
    params = load_as(AllParams, path)
    groups = ("overall", *DOMAINS)
    for key, named in (("fail_on_worse", params.gate.fail_on_worse), ("floors", params.gate.floors)):
        if unknown := [name for name in named if name not in groups]:
            what = f"no such group: {', '.join(unknown)}; there is {', '.join(groups)}"
            raise VerdictError(f"{path}: gate.{key}", what, "correct the names")
    return params
