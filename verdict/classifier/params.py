"""params.yaml as one frozen object that forbids unknown keys, so that a typo stops the run before any work."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.classifier.dataset.vader import DOMAINS
from verdict.classifier.scores.metric_names import OVERALL, Metric

PATH = Path("params.yaml")

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NgramRange = tuple[Count, Count]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
ModelKind = Literal["linear", "bag", "encoder"]
# What each kind reads.
REPRESENTATION: dict[str, Literal["tfidf", "tokens"]] = {"linear": "tfidf", "bag": "tfidf", "encoder": "tokens"}


class Section(BaseModel):
    """A group of params: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Prepare(Section):
    """How raw sentences become labelled rows in three splits."""

    neutral_band: Annotated[float, Field(ge=0, lt=4)]
    salt: Annotated[str, Field(min_length=1)]
    test_share: Share
    validation_share: Share

    @model_validator(mode="after")
    def _leaves_rows_for_training(self) -> Self:
        if self.test_share + self.validation_share >= 1:
            raise ValueError("test_share + validation_share must be below 1, or nothing is left to train on")
        return self


class RowLimits(Section):
    """The least number of rows of each split."""

    train: Count
    validation: Count
    test: Count


class Validate(Section):
    """The limits that the prepared tables must keep."""

    min_rows: RowLimits
    min_domain_rows: Count
    min_class_rows: Count
    max_class_drift: Share
    max_domain_drift: Share
    max_text_length: Count


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


class Featurize(Ngrammed):
    """TF-IDF for linear and bag, token ids for an encoder."""

    tokens: TokenIds


class Linear(Section):
    """Logistic regression, one class against the rest, by averaged stochastic gradient descent."""

    alpha: Positive
    epochs: Count
    patience: Count


class Bag(Section):
    """An embedding bag over the TF-IDF features, with the valence as an auxiliary target."""

    embedding_size: Count
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NonNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    valence_weight: NonNegative
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    patience: Count


class Encoder(Section):
    """Fine-tuning of a pretrained transformer with the valence as an auxiliary target."""

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    head_learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: NonNegative
    dropout: Annotated[float, Field(ge=0, lt=1)]
    valence_weight: NonNegative
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
    rating_noise: Positive
    neutral_weight: Positive
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
    """How the test predictions are summed up."""

    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    mistakes: Count


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
        return dict.fromkeys(value, ("weighted_f1",)) if is_list else value  # type: ignore[call-overload]

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


class Params(Section):
    """All of params.yaml. The stage `validate` is called `validation` here: pydantic has the other name."""

    prepare: Prepare
    validation: Annotated[Validate, Field(alias="validate")]
    featurize: Featurize
    train: Train
    evaluate: Evaluate
    gate: Gate
    report: Report


def load(path: Path = PATH) -> Params:
    """Read and check params.yaml.

    Raises:
        VerdictError: the file is missing, is not YAML, or holds an unknown, missing or unusable key (all are named).
            A policy for groups that there are not is told here, and not by `Gate`: main's may have other domains.
    """
    try:
        document = read(path, f"git diff {path}")
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", "run from the root of the repository") from None
    if not isinstance(document, dict):
        raise VerdictError(str(path), "expected groups of keys, one a stage", f"git checkout {path}")
    try:
        params = Params.model_validate(document)
    except ValidationError as error:
        raise VerdictError(str(path), explain(error), "correct the keys named here") from None
    groups = (OVERALL, *DOMAINS)
    for key, named in (("fail_on_worse", params.gate.fail_on_worse), ("floors", params.gate.floors)):
        if unknown := [name for name in named if name not in groups]:
            what = f"no such group: {', '.join(unknown)}; there is {', '.join(groups)}"
            raise VerdictError(f"{path}: gate.{key}", what, "correct the names")
    return params


def explain(error: ValidationError) -> str:
    """Each unusable key on a line of its own, with what is wrong with it."""
    return "".join(
        f"\n  {'.'.join(map(str, problem['loc']))}: {_wording(problem['type'], problem['msg'], problem['input'])}"
        for problem in error.errors()
    )


def _wording(kind: str, message: str, given: object) -> str:
    if kind == "extra_forbidden":
        return "unknown key (a typo?)"
    if kind == "missing":
        return "missing"
    shown = "NaN" if isinstance(given, float) and math.isnan(given) else repr(given)
    return f"{message.removeprefix('Value error, ')}, not {shown if len(shown) < 80 else shown[:77] + '...'}"
