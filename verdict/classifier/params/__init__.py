"""params.yaml as one frozen object that forbids unknown keys, so that a typo stops the run before any work."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.classifier.params.data import Data, Split, Validate
from verdict.classifier.params.kinds import KINDS, ModelKind
from verdict.classifier.params.metric_names import HEADLINE, known_metric
from verdict.classifier.params.section import Count, NonNegative, Positive, Section, Seed, explain

PATH = Path("params.yaml")


NgramRange = tuple[Count, Count]


class Ngrams(Section):
    """One TF-IDF block: the shortest and longest n-gram, and the least number of texts that a kept term occurs in."""

    ngrams: Annotated[NgramRange, Field(strict=False)]
    min_df: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ngrams[0] > self.ngrams[1]:
            raise ValueError("ngrams must be [shortest, longest]")
        return self


class TokenIds(Section):
    """The token ids of an encoder, and the checkpoint that it starts from."""

    checkpoint: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=8, le=512)]


class Ngrammed(Section):
    """The marking of negated words, and the two TF-IDF blocks."""

    negation_span: Annotated[int, Field(ge=0)]
    repeat_after_but: bool
    word: Ngrams
    char: Ngrams
    max_memory_gib: Positive


class Hashing(Section):
    """The number of features of `featurize.method: hashing`, half of them for words, half for characters."""

    features: Annotated[int, Field(ge=2**10, le=2**28)] = 2**20


class Featurize(Ngrammed):
    """TF-IDF for linear and bag, or hashed n-grams for linear, token ids for an encoder."""

    method: Literal["tfidf", "hashing"] = "tfidf"
    hashing: Hashing = Hashing()
    tokens: TokenIds


class Linear(Section):
    """Logistic regression, one class against the rest, by averaged stochastic gradient descent."""

    alpha: Positive
    log_count_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
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
    """The kind of model, its seeds, its device, and the settings of each kind."""

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
    """The settings of the metrics; `headline` is the metric that decides."""

    headline: Annotated[str, AfterValidator(known_metric)] = HEADLINE
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
    # Checked by the review and the monitoring (verdict/review/params.py, verdict/monitoring), accepted here unread.
    gate: Any = None
    report: Any = None
    feedback: Any = None
    retrain: Any = None

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        path = PurePosixPath(self.data.path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"data.path: {path} is outside of the repository; others would not have it")
        return self

    @model_validator(mode="after")
    def _reads_hashes(self) -> Self:
        if self.featurize.method == "hashing" and "hashing" not in KINDS[self.train.model].representations:
            able = ", ".join(name for name, kind in KINDS.items() if "hashing" in kind.representations)
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
