"""Spec files: values of params to try, as a grid, a list or a random sample, and the points that they expand to."""

import math
import random
import re
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verdict.base import documents
from verdict.base.errors import VerdictError
from verdict.classifier.params.section import explain

Scalar = bool | int | float | str | None
Value = Scalar | list[Scalar]
Overrides = dict[str, Value]
MAX_POINTS = 1000  # more is almost surely a typo
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_TRIES = 100  # draws for each point, before the space counts as too small


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Draw(_Strict):
    """A distribution: uniform, log-uniform, a whole number of a range, or one of a few values."""

    log: Annotated[tuple[float, float] | None, Field(strict=False)] = None
    uniform: Annotated[tuple[float, float] | None, Field(strict=False)] = None
    integer: Annotated[tuple[int, int] | None, Field(strict=False)] = None
    choice: Annotated[list[Value] | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of log, uniform, integer and choice is needed")
        if (bounds := self.log or self.uniform or self.integer) and bounds[0] >= bounds[1]:
            raise ValueError("bounds must be [low, high]")
        if self.log and self.log[0] <= 0:
            raise ValueError("log needs bounds above 0")
        return self

    def draw(self, generator: random.Random) -> Value:
        """Draw a value, by `random()` alone: only that gives the same numbers in every version of Python."""
        share = generator.random()
        if self.choice is not None:
            return self.choice[int(share * len(self.choice))]
        if self.integer is not None:
            low, high = self.integer
            return low + int(share * (high - low + 1))
        if self.log is not None:
            first, last = map(math.log, self.log)
            return _rounded(math.exp(first + share * (last - first)))
        least, most = self.uniform or (0.0, 0.0)
        return _rounded(least + share * (most - least))


def _rounded(value: float) -> float:
    """Round to four digits: no search is finer, and names stay legible."""
    return float(f"{value:.4g}")


class Sample(_Strict):
    """Points drawn at random; the same seed gives the same points."""

    count: Annotated[int, Field(ge=1, le=MAX_POINTS)]
    seed: int
    space: Annotated[dict[str, Draw], Field(min_length=1)]


class Spec(_Strict):
    """The content of a spec file."""

    base: Overrides = {}
    grid: dict[str, Annotated[list[Value], Field(min_length=1)]] | None = None
    points: Annotated[list[Overrides] | None, Field(alias="list", min_length=1)] = None
    random: Sample | None = None

    @model_validator(mode="after")
    def _names_points(self) -> Self:
        if not (self.grid or self.points or self.random):
            raise ValueError("names no points: a grid, a list or random is needed")
        if math.prod(map(len, (self.grid or {}).values())) > MAX_POINTS:
            raise ValueError(f"the grid has more than {MAX_POINTS:,} points")
        return self

    def named(self) -> Iterator[tuple[str, str]]:
        """The params keys that the file names, each with its place in the file."""
        yield from (("base", key) for key in self.base)
        yield from (("grid", key) for key in self.grid or {})
        yield from ((f"list.{number}", key) for number, point in enumerate(self.points or []) for key in point)
        yield from (("random.space", key) for key in (self.random.space if self.random else {}))


def read(path: Path) -> Spec:
    """Read a spec file.

    Raises:
        VerdictError: the file is missing or not YAML, some of its keys are unknown or unusable (all are named), or its
            name cannot begin the name of an experiment.
    """
    if not _STEM.fullmatch(path.stem):
        what = "the file's name begins the experiments' names: up to 32 letters, digits, - and _ are possible"
        raise VerdictError(str(path), what, "rename the file")
    try:
        document = documents.read(path, "docs/sweeps.md shows a spec file")
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", "ls sweeps") from None
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        raise VerdictError(str(path), explain(error), "docs/sweeps.md shows a spec file") from None


def expand(spec: Spec, path: Path) -> list[Overrides]:
    """Expand a spec to its points: grid, list and sample, in this order, each once."""
    points: list[Overrides] = []
    for overrides in (*_grid(spec), *(spec.points or [])):
        _add(points, {**spec.base, **overrides})
    if spec.random:
        fresh = _sample(spec, spec.random, points)
        drawn = list(islice(fresh, spec.random.count))
        if len(drawn) < spec.random.count:
            what = f"random: only {len(drawn)} of {spec.random.count} points differ from each other and from the others"
            raise VerdictError(str(path), what, "a smaller count, or a larger space")
    return points


def _grid(spec: Spec) -> Iterator[Overrides]:
    if spec.grid:
        for values in product(*spec.grid.values()):
            yield dict(zip(spec.grid, values, strict=True))


def _sample(spec: Spec, sample: Sample, points: list[Overrides]) -> Iterator[Overrides]:
    """Draw points, add those that are new to `points`, and yield them."""
    generator = random.Random(sample.seed)
    for _ in range(_TRIES * sample.count):
        drawn = {key: sample.space[key].draw(generator) for key in sorted(sample.space)}
        if _add(points, {**spec.base, **drawn}):
            yield points[-1]


def _add(points: list[Overrides], point: dict[str, Any]) -> bool:
    """Add a point unless it is there. `repr` tells True from 1, which are equal in Python."""
    fresh = repr(sorted(point.items())) not in {repr(sorted(other.items())) for other in points}
    if fresh:
        points.append(point)
    return fresh
