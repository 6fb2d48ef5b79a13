"""A spec file: which values of which params to try, as a grid, a list or a random sample, and the points it means."""

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
MOST = 1000  # points; more are a slip of the pen
_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_TRIES = 100  # draws for each point wanted, before the space is called too small


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Draw(_Strict):
    """How one value is drawn: evenly, evenly in its logarithm, a whole number of a range, or one of a few."""

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
        """One value. Only `random()` is asked: it alone gives the same in every version of Python."""
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
    """Four digits: no search is finer, and a name stays legible."""
    return float(f"{value:.4g}")


class Sample(_Strict):
    """Points drawn at random: the same seed, the same points."""

    count: Annotated[int, Field(ge=1, le=MOST)]
    seed: int
    space: Annotated[dict[str, Draw], Field(min_length=1)]


class Spec(_Strict):
    """A spec file as it stands."""

    base: Overrides = {}
    grid: dict[str, Annotated[list[Value], Field(min_length=1)]] | None = None
    by_hand: Annotated[list[Overrides] | None, Field(alias="list", min_length=1)] = None
    random: Sample | None = None

    @model_validator(mode="after")
    def _names_points(self) -> Self:
        if not (self.grid or self.by_hand or self.random):
            raise ValueError("names no points: a grid, a list or random is needed")
        if math.prod(map(len, (self.grid or {}).values())) > MOST:
            raise ValueError(f"the grid has more than {MOST:,} points")
        return self

    def named(self) -> Iterator[tuple[str, str]]:
        """Every params key that the file names, with its place there."""
        yield from (("base", key) for key in self.base)
        yield from (("grid", key) for key in self.grid or {})
        yield from ((f"list.{number}", key) for number, point in enumerate(self.by_hand or []) for key in point)
        yield from (("random.space", key) for key in (self.random.space if self.random else {}))


def read(path: Path) -> Spec:
    """Read a spec file.

    Raises:
        VerdictError: the file is missing or is not YAML, a key of it is unknown or unusable (all are named), or its
            name cannot begin an experiment's.
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
    """The points of a spec: grid, list and sample, in this order, each once."""
    points: list[Overrides] = []
    for overrides in (*_grid(spec), *(spec.by_hand or [])):
        _add(points, {**spec.base, **overrides})
    if spec.random:
        fresh = _sample(spec, spec.random, points)
        found = list(islice(fresh, spec.random.count))
        if len(found) < spec.random.count:
            what = f"random: only {len(found)} of {spec.random.count} points differ from each other and from the others"
            raise VerdictError(str(path), what, "a smaller count, or a larger space")
    return points


def _grid(spec: Spec) -> Iterator[Overrides]:
    if spec.grid:
        for values in product(*spec.grid.values()):
            yield dict(zip(spec.grid, values, strict=True))


def _sample(spec: Spec, sample: Sample, points: list[Overrides]) -> Iterator[Overrides]:
    """Add fresh points to `points`, and yield them."""
    generator = random.Random(sample.seed)
    for _ in range(_TRIES * sample.count):
        drawn = {key: sample.space[key].draw(generator) for key in sorted(sample.space)}
        if _add(points, {**spec.base, **drawn}):
            yield points[-1]


def _add(points: list[Overrides], point: dict[str, Any]) -> bool:
    """Add a point unless it is there; True is not 1 here, though Python thinks so."""
    fresh = repr(sorted(point.items())) not in {repr(sorted(other.items())) for other in points}
    if fresh:
        points.append(point)
    return fresh
