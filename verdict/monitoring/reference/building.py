"""Builds the reference from the prepared tables and the predictions of validation before the refit."""

import base64
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.base.files import read_arrow_parts
from verdict.classifier.dataset.description import Dataset
from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import probability_columns
from verdict.monitoring.reference import (
    CONFIDENCE_STEPS,
    FIRST_TEXTS,
    LENGTHS,
    WINDOW_TEXTS,
    Limits,
    Reference,
    answer_shares,
)
from verdict.monitoring.reference.mixture import Floats, SliceProfiles, Window, fit, mixtures
from verdict.monitoring.reference.pool import Pool, slices_of
from verdict.monitoring.reference.words import Counter, Counts, split_words, word_hash

# The most words that are counted by themselves, the least groups that have such a word, and the most hashes of others.
_FREQUENT, _GROUPS, _KNOWN = 300, 10, 500_000
# The most texts of validation that are used, the windows that set a limit, and its distance from their mean in standard
# deviations: for one window, and for two in a row.
_MAX_TEXTS, _WINDOWS, _DEVIATIONS, _IN_A_ROW, _SEED = 20_000, 200, 3.0, 2.1, 2014
_REMEDY = "dvc repro prepare"
_KINDS = tuple(Limits.model_fields)


def build(
    dataset: Dataset, *, train: Path, validation: Path, predictions: Path, scores: Mapping[str, Any], headline: str
) -> Reference:
    """Make the reference, part by part.

    Args:
        dataset: the labels and the slices.
        train: the table whose words are counted.
        validation: other text of the same kind: its windows, drawn by whole groups, measure the variation by chance.
        predictions: of validation, by a model that was not trained on it.
        scores: of the test set, as metrics/evaluation.json has them.
        headline: the metric that decides.

    Raises:
        VerdictError: a table is missing or damaged, or they do not fit together.
    """
    names = dataset.slices or ("",)
    slices = _count_slices(train, names)
    frequent, known = _rank_words(train, sum((own.words for own in slices.values()), Tally[str]()))
    one_of = -(-sum(len(part) for part in read_arrow_parts(predictions, "dvc repro train")) // _MAX_TEXTS)
    validation_rows, predicted_rows = (
        _sample_groups(validation, one_of, _REMEDY),
        _sample_groups(predictions, one_of, "dvc repro train"),
    )
    if "id" not in predicted_rows.column_names or predicted_rows["id"].to_pylist() != validation_rows["id"].to_pylist():
        raise VerdictError(str(predictions), f"has other rows than {validation}", "dvc repro train")
    words = Counter(frequent, known.tolist()).count(validation_rows["text"].to_pylist())
    probabilities = np.array([predicted_rows[name].to_pylist() for name in probability_columns(dataset.labels)])
    counts, truth = answer_counts(probabilities.T), np.array(predicted_rows["label"].to_pylist())
    pool = Pool(validation_rows, names, words, counts)
    reference = Reference(
        labels=dataset.labels,
        slices=names,
        headline=headline,
        scores=_scores(scores, headline),
        frequent=tuple(frequent),
        words=tuple(_row(own.words, frequent) for own in slices.values()),
        lengths=tuple(max(own.words.total() / max(own.texts, 1), 1.0) for own in slices.values()),
        characters=tuple(tuple(own.characters.tolist()) for own in slices.values()),
        unknown=tuple(pool.unknown.round(6).tolist()),
        answers=tuple(tuple(map(tuple, own)) for own in pool.answers.tolist()),
        classes=tuple(tuple(map(tuple, counts[truth == label].sum(axis=0).tolist())) for label in dataset.labels),
        known=base64.b64encode(known.tobytes()).decode(),
        limits=Limits(**dict.fromkeys(_KINDS, ())),
    )
    return reference.model_copy(update={"limits": _limits(reference.slice_profiles, pool)})


@dataclass
class _SliceCounts:
    """Counts of the training text of a slice."""

    words: Tally[str] = field(default_factory=Tally)
    texts: int = 0
    characters: Counts = field(default_factory=lambda: np.zeros(len(LENGTHS) + 1, np.int64))


def _count_slices(train: Path, names: Sequence[str]) -> dict[str, _SliceCounts]:
    slices = {name: _SliceCounts() for name in names}
    for table in read_arrow_parts(train, _REMEDY):
        own_slice, texts = slices_of(table), table["text"].to_pylist()
        for name, own in slices.items():
            chosen = [texts[row] for row in np.flatnonzero(own_slice == name)]
            own.words.update(word for text in chosen for word in split_words(text))
            own.texts += len(chosen)
            own.characters += lengths_of(chosen)
    return slices


def _rank_words(train: Path, whole: Tally[str]) -> tuple[list[str], npt.NDArray[np.uint32]]:
    """Return the frequent words that enough groups have, and the hashes of the others."""
    ranked = sorted(whole, key=lambda word: (-whole[word], word))
    groups: dict[str, set[str]] = {word: set() for word in ranked[:_FREQUENT]}
    few = set(groups)
    for table in read_arrow_parts(train, _REMEDY):
        for group, text in zip(table["group"].to_pylist(), table["text"].to_pylist(), strict=True):
            if not few:
                break
            for word in few.intersection(split_words(text)):
                groups[word].add(group)
            few = {word for word in few if len(groups[word]) < _GROUPS}
    frequent = [word for word in groups if word not in few]
    others = [word for word in ranked if word in few or word not in groups][:_KNOWN]
    return frequent, np.array(sorted({word_hash(word) for word in others}), "<u4")


def _sample_groups(path: Path, one_of: int, remedy: str) -> pa.Table:
    """Read the rows of one in `one_of` groups of a table."""
    parts = read_arrow_parts(path, remedy)
    if one_of > 1:
        parts = (part.filter([word_hash(own) % one_of == 0 for own in part["group"].to_pylist()]) for part in parts)
    return pa.concat_tables(parts)


def lengths_of(texts: Sequence[str]) -> Counts:
    """Count texts by length in characters: up to each of `LENGTHS`, then longer ones."""
    return np.bincount(np.searchsorted(LENGTHS, [len(text) for text in texts]), minlength=len(LENGTHS) + 1)


def answer_counts(probabilities: Floats) -> Counts:
    """Mark the answer to each row by label and step of its confidence, (rows, labels, steps), from (rows, labels)."""
    counts = np.zeros((*probabilities.shape, CONFIDENCE_STEPS), np.int64)
    step = np.minimum((probabilities.max(axis=1) * CONFIDENCE_STEPS).astype(int), CONFIDENCE_STEPS - 1)
    counts[np.arange(len(probabilities)), probabilities.argmax(axis=1), step] = 1
    return counts


def _row(tally: Tally[str], frequent: Sequence[str]) -> tuple[int, ...]:
    counts = [tally[word] for word in frequent]
    return (*counts, tally.total() - sum(counts))


def _scores(document: Mapping[str, Any], headline: str) -> dict[str, dict[str, float]]:
    groups = {OVERALL: document[OVERALL], **document.get("slices", {})}
    return {
        name: {metric: own[metric] for metric in dict.fromkeys((headline, "accuracy")) if own.get(metric) is not None}
        for name, own in groups.items()
    }


def _limits(slices: SliceProfiles, pool: Pool) -> Limits:
    """Set the limits of each slice by windows of validation, which vary the more, the fewer groups make one."""
    draw = np.random.default_rng(_SEED)
    mixes = np.eye(len(slices.lengths))
    limits_by_slice = [_limits_of(slices, pool, mix, draw) if pool.covers(mix) else None for mix in mixes]
    # A slice that validation lacks gets the widest limits.
    worst = np.max([limits for limits in limits_by_slice if limits is not None], axis=0)
    rows = np.array([worst if limits is None else limits for limits in limits_by_slice])
    return Limits(**{name: tuple(row.tolist()) for name, row in zip(_KINDS, rows.T, strict=True)})


def _limits_of(slices: SliceProfiles, pool: Pool, mix: Floats, draw: np.random.Generator) -> Floats:
    """Set the limits of one mixture, in the order of `_KINDS`.

    Answers are compared with those to the other half of validation, since a reference is a sample, too, and answers
    differ more from group to group than words do.
    """
    windows, halves = list[Window](), list[Floats]()
    for _ in range(_WINDOWS):
        measured, drawn = pool.halves(draw)
        halves.append(answer_shares(measured.answers))
        windows += [
            pool.window(draw, mix, FIRST_TEXTS),
            pool.window(draw, mix, WINDOW_TEXTS),
            drawn.window(draw, mix, WINDOW_TEXTS),
        ]
    weights, distances = mixtures(slices, windows), []
    for place, answered in enumerate(halves):
        profiles = (slices, slices, replace(slices, answers=answered))
        first, later, other = (fit(profile, windows[at], weights[at]) for at, profile in enumerate(profiles, 3 * place))
        since = (later.residual(first), later.classes(first), later.confidence(first))
        distances.append((later.unknown, later.residual(), other.classes(), other.confidence(), *since))
    # A far quantile of so few windows would itself be chance.
    deviations = [_IN_A_ROW if kind.endswith("_since") else _DEVIATIONS for kind in _KINDS]
    limits = np.mean(distances, axis=0) + deviations * np.std(distances, axis=0)
    return np.asarray(np.maximum(limits, pool.resolution(mix)).round(6))
