"""The reference of drift: word counts of the training text, and limits of the distance of other text of its kind.

Its file is beside the artifact, not in it. It holds the most frequent words of the training text, hashes of the others,
and counts by slice: no text, and no word that is rare.
"""

import base64
import hashlib
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.classifier.params.metric_names import OVERALL
from verdict.monitoring.reference.mixture import Fit, Floats, SliceProfiles, Window, fit
from verdict.monitoring.reference.words import Counter, Counts

# Texts of a window, the share of them whose words are counted, and the number of first texts of a release that later
# ones are compared with.
WINDOW_TEXTS, COUNTED_SHARE, FIRST_TEXTS = 2_000, 0.5, 10_000
# Steps of the confidence of an answer, and of the length of a text in characters.
CONFIDENCE_STEPS, LENGTHS = 10, (10, 30, 100, 300, 1_000, 3_000, 10_000)
_REMEDY = "dvc repro reference, or --reference FILE: a service shows its own beside its metrics, /reference.json"
Whole = Annotated[int, Field(ge=0)]
Row = tuple[Whole, ...]


class Limits(BaseModel):
    """The limits of drift by slice: the mean of windows of validation plus some standard deviations.

    Those that end in `since` are for windows compared with the first texts of a release, which the watch alone does. It
    waits for two in a row; a single window must be farther off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unknown: tuple[float, ...]
    residual: tuple[float, ...]
    classes: tuple[float, ...]
    confidence: tuple[float, ...]
    residual_since: tuple[float, ...]
    classes_since: tuple[float, ...]
    confidence_since: tuple[float, ...]

    def of(self, kind: str, mix: Floats) -> float:
        """Return the limit of a mixture of the slices: the variations by chance add up in squares."""
        return float(np.sqrt(mix @ np.square(getattr(self, kind))))


class Reference(BaseModel):
    """The content of models/reference.json.

    Args:
        labels: the classes, in the order of the artifact.
        slices: their names; one without a name where the data has none.
        headline: the metric that decides.
        scores: the headline metric and the accuracy on the test set, overall and by slice.
        frequent: the words that are counted by themselves.
        words: of each slice the frequent words of its training text, then all others.
        lengths: of each slice the words of a text, on average.
        characters: of each slice the texts of training by length: up to each of `LENGTHS`, then longer ones.
        unknown: of each slice the share of words of validation that training does not have.
        answers: of each slice the answers to validation before the refit, by label and by step of confidence.
        classes: the same of each class that is true, of all slices together.
        known: hashes of the other words of the training text, uint32, little-endian, base64.
        limits: beyond which a window has drifted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    slices: Annotated[tuple[str, ...], Field(min_length=1)]
    headline: str
    scores: dict[str, dict[str, float]]
    frequent: tuple[str, ...]
    words: tuple[Row, ...]
    lengths: tuple[Annotated[float, Field(gt=0)], ...]
    characters: tuple[Row, ...]
    unknown: tuple[float, ...]
    answers: tuple[tuple[Row, ...], ...]
    classes: tuple[tuple[Row, ...], ...]
    known: str
    limits: Limits

    @cached_property
    def counter(self) -> Counter:
        """A counter of this reference's words."""
        return Counter(self.frequent, np.frombuffer(base64.b64decode(self.known), "<u4").tolist())

    @cached_property
    def digest(self) -> str:
        """A hash of the labels and the counted words: two references of one digest count alike."""
        counted = "\n".join((*self.labels, "", *self.frequent, self.known))
        return hashlib.sha256(counted.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @cached_property
    def slice_profiles(self) -> SliceProfiles:
        """The profile of each slice, for `mixture.fit`."""
        words = np.array([[*row, 0] for row in self.words], np.int64)
        # A larger window counts as if it had only as many words as a window of validation: see `mixture.fit`.
        most = COUNTED_SHARE * WINDOW_TEXTS * float(np.mean(self.lengths))
        answers, by_class = answer_shares(np.array(self.answers)), np.array(self.classes)
        classes = answer_shares(by_class) - answer_shares(by_class.sum(axis=0) - by_class)
        return SliceProfiles(words, np.array(self.unknown), np.array(self.lengths), answers, classes, most)

    def to_json(self) -> str:
        """Return the reference as JSON, in the same bytes every time."""
        return self.model_dump_json(indent=1) + "\n"

    def counted_by(self, names: Collection[str]) -> "Reference":
        """Return the reference for counts of these words alone: other frequent words join the rare ones."""
        kept = [place for place, name in enumerate(self.frequent) if name in names]
        words = [(*(row[place] for place in kept), sum(row) - sum(row[place] for place in kept)) for row in self.words]
        frequent = [self.frequent[place] for place in kept]
        return Reference.model_validate({**self.model_dump(), "frequent": frequent, "words": words})

    def fit(self, window: Window) -> Fit:
        """The mixture of slices that a window looks like, and what that does not explain."""
        return fit(self.slice_profiles, window)

    def expected_score(self, mix: Floats, metric: str) -> float:
        """The score on the test set that a mixture of the slices would have had."""
        whole = self.scores[OVERALL][metric]
        return float(mix @ [self.scores.get(name, {}).get(metric, whole) for name in self.slices])


def answer_shares(answers: Counts) -> Floats:
    """Turn counts of answers by slice or class into shares; a slice or class without any gets those of all."""
    sums = answers.sum(axis=(1, 2), keepdims=True)
    whole = answers.sum(axis=0) / max(answers.sum(), 1)
    return np.asarray(np.where(sums > 0, answers / np.maximum(sums, 1), whole))


def write(path: Path, reference: Reference) -> None:
    """Write it, in the same bytes for the same reference."""
    write_text(path, reference.to_json())


def read(path: Path) -> Reference:
    """Read what `write` wrote; `VerdictError` when it is missing or something else."""
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", _REMEDY) from None


def parse(content: bytes, where: str) -> Reference:
    """Parse the JSON of a reference; `VerdictError`, which names `where`, when it is something else."""
    try:
        return Reference.model_validate_json(content)
    except ValidationError as error:
        raise VerdictError(where, f"no reference: {error.errors()[0]['msg']}", _REMEDY) from None
