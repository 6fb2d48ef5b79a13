"""The groups of params.yaml on data: which table, what its columns mean, how it is split, which limits it keeps."""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from verdict.classifier.params.section import Count, NonNegative, Section, Share

Name = Annotated[str, Field(min_length=1)]  # of a column
Labels = Annotated[tuple[Name, ...], Field(min_length=2, max_length=1000)]
Rows = Annotated[int, Field(ge=0)]  # 0: a split may lack a class or slice
Step = Literal["html_entities", "whitespace"]

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def shortest(cell: str) -> str:
    """Drop the decimal zeros of a whole number: the labels 1 and 1.0 are the same class."""
    return _WHOLE.sub(r"\1", cell) if _WHOLE.fullmatch(cell) else cell


def _words(value: object) -> object:
    """Convert labels that YAML reads as numbers, true or false to the text of a table's cell."""
    if isinstance(value, list | tuple):
        return tuple(map(_words, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, str):
        return shortest(value)
    return str(value).lower() if isinstance(value, int) else value


# One column, or a list of them.
Names = Annotated[tuple[Name, ...], Field(strict=False, min_length=1), BeforeValidator(_several)]


class Rating(Section):
    """A column of numbers that the labels come from: far below the middle of its limits the first, far above the last.

    With three labels the second one is within ± `neutral_band` of the middle, both ends included; with two the band is
    0, and the middle belongs to the first.
    """

    column: Name
    limits: Annotated[tuple[float, float], Field(strict=False)]
    neutral_band: NonNegative = 0.0

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        low, high = self.limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError("limits must be [lowest, highest]")
        if self.neutral_band >= (high - low) / 2:
            raise ValueError("neutral_band must be below half the distance of the limits")
        return self


class Data(Section):
    """The table that everything starts from, and which of its columns mean what.

    Three keys suffice: path, text, label (or rating). Dates are in ISO 8601, or as `date_format` says (as in strptime).
    """

    path: Annotated[str, Field(min_length=1)]
    text: Names
    label: Name | None = None
    labels: Annotated[Labels | None, BeforeValidator(_words)] = None
    positive: Annotated[Name | None, BeforeValidator(_words)] = None
    id: Name | None = None
    group: Name | None = None
    slice: Names | None = None
    date: Name | None = None
    date_format: Name | None = None
    weight: Name | None = None
    rating: Rating | None = None
    separator: str = "\n"
    clean: Annotated[tuple[Step, ...], Field(strict=False)] = ("html_entities", "whitespace")
    max_text_length: Count = 10_000
    too_long: Literal["cut", "drop", "stop"] = "cut"
    duplicates: Literal["drop", "keep"] = "drop"
    conflicts: Literal["stop", "drop", "first"] = "stop"
    damaged: Literal["stop", "drop"] = "stop"

    @model_validator(mode="after")
    def _labels_have_a_source(self) -> Self:
        if (self.label is None) == (self.rating is None):
            raise ValueError("name one of label and rating: the column that the labels come from")
        if self.rating:
            wanted = 3 if self.rating.neutral_band else 2
            if self.labels is None or len(self.labels) != wanted:
                raise ValueError(f"labels: name the {wanted} classes of the rating, from its lowest to its highest")
            if self.positive is not None:
                raise ValueError("positive: the labels of a rating have their order from it")
        if (source := self.rating.column if self.rating else self.label) in self.text:
            raise ValueError(f"text holds {source}, the column that the labels come from: nothing is left to learn")
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError("labels holds a label twice")
        if self.labels is not None and self.positive is not None and self.positive not in self.labels:
            raise ValueError("positive must be one of labels")
        return self


class Split(Section):
    """The split of the rows into train, validation and test."""

    by: Literal["group", "date", "column"] = "group"
    column: Name | None = None
    salt: Annotated[str, Field(min_length=1)] = "verdict"
    test: Share = 0.2
    validation: Share = 0.1

    @model_validator(mode="after")
    def _leaves_rows_for_training(self) -> Self:
        if self.test + self.validation >= 1:
            raise ValueError("test + validation must be below 1, or nothing is left to train on")
        if (self.by == "column") != (self.column is not None):
            raise ValueError(
                "by: column, and column: the name of a column with train, validation and test, go together"
            )
        return self


class RowLimits(Section):
    """The least number of rows of each split."""

    train: Count = 50
    validation: Count = 10
    test: Count = 20


class Validate(Section):
    """The limits that the prepared tables must keep.

    Without a limit of a drift it is what chance explains: see `verdict.classifier.dataset.contracts`.
    """

    min_rows: RowLimits = RowLimits()
    min_slice_rows: Rows = 10
    min_class_rows: Rows = 10
    max_class_drift: Share | None = None
    max_slice_drift: Share | None = None
