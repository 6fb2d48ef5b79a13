"""params.yaml as one frozen object that forbids unknown keys, so that a typo stops the run before any work."""

import math
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.classifier.kinds import KINDS, ModelKind
from verdict.classifier.scores.metric_names import known_metric

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PATH = Path("params.yaml")

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NgramRange = tuple[Count, Count]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(min_length=1)]  # of a column
Labels = Annotated[tuple[Name, ...], Field(min_length=2, max_length=1000)]
Step = Literal["html_entities", "whitespace"]


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _words(value: object) -> object:
    """Labels that YAML reads as numbers, or true and false, as a table's cells are read."""
    if isinstance(value, list | tuple):
        return tuple(map(_words, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value).lower() if isinstance(value, int) else value


# One column, or a list of them.
Names = Annotated[tuple[Name, ...], Field(strict=False, min_length=1), BeforeValidator(_several)]


class Section(BaseModel):
    """A group of params: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError("labels holds a label twice")
        if self.labels is not None and self.positive is not None and self.positive not in self.labels:
            raise ValueError("positive must be one of labels")
        return self


class Split(Section):
    """Which rows are tested on, which stop a training, and which it learns from."""

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
    min_slice_rows: Count = 10
    min_class_rows: Count = 10
    max_class_drift: Share | None = None
    max_slice_drift: Share | None = None


class Ngrams(Section):
    """One TF-IDF block: the shortest and longest n-gram, and in how many sentences a term must stand to be kept."""

    ngrams: Annotated[NgramRange, Field(strict=False)]
    min_df: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ngrams[0] > self.ngrams[1]:
            raise ValueError("ngrams must be [shortest, longest]")
        return self


class TokenIds(Section):
    """What an encoder reads, and the checkpoint that it starts from."""

    checkpoint: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=8, le=512)]


class Ngrammed(Section):
    """The marking of the words, and the two TF-IDF blocks that stand side by side."""

    negation_span: Annotated[int, Field(ge=0)]
    repeat_after_but: bool
    word: Ngrams
    char: Ngrams
    max_memory_gib: Positive


class Hashing(Section):
    """Of `featurize.method: hashing`: how many features there are, half of them for words, half for characters."""

    features: Annotated[int, Field(ge=2**10, le=2**28)] = 2**20


class Featurize(Ngrammed):
    """TF-IDF for linear and bag, or hashed n-grams for linear, token ids for an encoder."""

    method: Literal["tfidf", "hashing"] = "tfidf"
    hashing: Hashing = Hashing()
    tokens: TokenIds


class Linear(Section):
    """Logistic regression, one class against the rest, by averaged stochastic gradient descent."""

    alpha: Positive
    epochs: Count
    patience: Count


class Bag(Section):
    """An embedding bag over the TF-IDF features, where there is a rating with it as an auxiliary target."""

    embedding_size: Count
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NonNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    rating_weight: NonNegative = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    patience: Count


class Encoder(Section):
    """Fine-tuning of a pretrained transformer, where there is a rating with it as an auxiliary target."""

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    head_learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: NonNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    rating_weight: NonNegative = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    clip: Positive
    patience: Count
    save_minutes: NonNegative


class Train(Section):
    """Which model is trained, on what, and from which seed."""

    seed: Seed
    seeds: Annotated[tuple[Seed, ...], Field(strict=False)]
    model: ModelKind
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")]
    deterministic: bool
    processes: Annotated[int, Field(ge=1, le=64)]
    class_weight: Literal["balanced"] | dict[str, Positive] | None = None
    rating_noise: Positive | None = None
    refit: bool
    linear: Linear
    bag: Bag
    encoder: Encoder

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        if len({self.seed, *self.seeds}) <= len(self.seeds):
            raise ValueError("seeds holds a seed twice, or the one of train.seed")
        return self


class Evaluate(Section):
    """How predictions are summed up; `headline` is the metric that decides."""

    headline: Annotated[str, AfterValidator(known_metric)] = "weighted_f1"
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    mistakes: Count


class Params(Section):
    """All of params.yaml. The stage `validate` is called `validation` here: pydantic has the other name."""

    data: Data
    split: Split = Split()
    validation: Annotated[Validate, Field(alias="validate")] = Validate()
    featurize: Featurize
    train: Train
    evaluate: Evaluate
    # Of the judge, whose schemas are in verdict/review/params.py: known here by name alone.
    gate: Any = None
    report: Any = None

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        path = PurePosixPath(self.data.path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"data.path: {path} is outside of the repository; others would not have it")
        return self

    @model_validator(mode="after")
    def _reads_hashes(self) -> Self:
        if self.featurize.method == "hashing" and "hashing" not in KINDS[self.train.model].reads:
            able = ", ".join(name for name, kind in KINDS.items() if "hashing" in kind.reads)
            raise ValueError(f"featurize.method: hashing is for train.model: {able}, not for {self.train.model}")
        return self

    @model_validator(mode="after")
    def _has_dates(self) -> Self:
        if self.split.by == "date" and self.data.date is None:
            raise ValueError("split.by: date needs data.date, the column with the dates")
        return self


Loaded = TypeVar("Loaded", bound=Params)


def load(path: Path = PATH) -> Params:
    """Read params.yaml, and check the groups that stages read, and that no other group has an unknown name.

    Raises:
        VerdictError: the file is missing, is not YAML, or holds an unknown, missing or unusable key (all are named).
    """
    return load_as(Params, path)


def load_as(schema: type[Loaded], path: Path) -> Loaded:
    """Read params.yaml, and check it by a schema; raises as `load` does."""
    try:
        document = read(path, f"git diff {path}")
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", "run from the root of the repository") from None
    if not isinstance(document, dict):
        raise VerdictError(str(path), "expected groups of keys, one a stage", f"git checkout {path}")
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise VerdictError(str(path), explain(error), "correct the keys named here") from None


def explain(error: ValidationError) -> str:
    """Each unusable key on a line of its own, with what is wrong with it."""
    return "".join(f"\n  {_told(problem)}" for problem in error.errors())


def _told(problem: "ErrorDetails") -> str:
    if not problem["loc"]:  # of several groups: the message names them
        return problem["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, problem['loc']))}: {_wording(problem['type'], problem['msg'], problem['input'])}"


def _wording(kind: str, message: str, given: object) -> str:
    if kind == "extra_forbidden":
        return "unknown key (a typo?)"
    if kind == "missing":
        return "missing"
    shown = "NaN" if isinstance(given, float) and math.isnan(given) else repr(given)
    return f"{message.removeprefix('Value error, ')}, not {shown if len(shown) < 80 else shown[:77] + '...'}"
