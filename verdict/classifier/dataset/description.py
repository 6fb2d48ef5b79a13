"""The description of the prepared data, data/prepared/dataset.json, and its tables' columns."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import complete_columns, read_arrow, read_arrow_parts, read_json, write_json
from verdict.classifier.dataset.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

_REMEDY = "dvc repro prepare"
# The columns of a prepared table, in this order, as far as it has them. What a model is given is `text`.
COLUMNS = ("id", "group", "slice", "text", "label", "rating", "weight")
# Of these, what a prediction is compared with, and what it is counted by.
TRUTH = ("id", "group", "slice", "label", "rating")
# What every one of them has.
_ALWAYS = ("id", "group", "label")


def select_truth(columns: Iterable[str]) -> list[str]:
    """Those of `TRUTH` that a table has."""
    return [name for name in TRUTH if name in set(columns)]


def read_prepared(path: Path, remedy: str, *more: str) -> "pa.Table":
    """Read a prepared table, or one made of it: all of `COLUMNS` that it has.

    Raises:
        VerdictError: with `remedy`, it is missing or damaged, lacks id, group, label or one of `more`, or has a gap.
    """
    return _known(read_arrow(path, remedy), path, remedy, more)


def prepared_parts(path: Path, remedy: str, *more: str) -> Iterator["pa.Table"]:
    """Read a prepared table in parts, as `read_prepared` reads the whole of it."""
    return (_known(part, path, remedy, more) for part in read_arrow_parts(path, remedy))


def _known(table: "pa.Table", path: Path, remedy: str, more: tuple[str, ...]) -> "pa.Table":
    wanted = {*_ALWAYS, *more, *table.column_names}
    return complete_columns(table, [name for name in COLUMNS if name in wanted], path, remedy)


class Limits(BaseModel):
    """The lowest and highest possible rating."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The neutral rating."""
        return (self.low + self.high) / 2

    @property
    def reach(self) -> float:
        """The largest distance of a rating from the middle."""
        return (self.high - self.low) / 2


class Dataset(BaseModel):
    """The classes in their order, the slices, the limits of a rating, and how text is made of a row.

    Of two classes the second is the positive one. `slice` names the column that the slices are values of, as people
    know it; without slices it is None and `slices` is empty. `rating` is None where labels do not come from one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    labels: Annotated[tuple[str, ...], Field(strict=False, min_length=2)]
    slice: str | None = None
    slices: Annotated[tuple[str, ...], Field(strict=False)] = ()
    rating: Limits | None = None
    text: Text


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Write dataset.json."""
    write_json(path, dataset.model_dump(mode="json"))


def read_dataset(path: Path, remedy: str = _REMEDY) -> Dataset:
    """Read dataset.json; `VerdictError` when it is missing or damaged."""
    try:
        return Dataset.model_validate(read_json(path, remedy))
    except ValidationError as error:
        first = error.errors()[0]
        raise VerdictError(str(path), f"{'.'.join(map(str, first['loc']))}: {first['msg']}", remedy) from None
