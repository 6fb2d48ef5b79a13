"""Makes the reference of the prepared tables and of what was answered to validation before the refit."""

import base64
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.files import table_parts
from verdict.classifier.dataset.description import Dataset
from verdict.classifier.metric_names import OVERALL
from verdict.classifier.scores.predictions import columns_of
from verdict.monitoring.mixture import Floats, Slices, Window, fit, mixtures
from verdict.monitoring.reference import COUNTED, FIRST, LENGTHS, STEPS, WINDOW, Limits, Reference, shares
from verdict.monitoring.words import Counter, Counts, hashed, words

# Words that are counted by themselves, how many groups must have such a word, and hashes of others.
_FREQUENT, _GROUPS, _KNOWN = 300, 10, 500_000
# Texts of validation that are enough for limits, windows that set one, and how many deviations it is above their mean:
# for one window, and for two in a row.
_MOST, _WINDOWS, _DEVIATIONS, _IN_A_ROW, _SEED = 20_000, 200, 3.0, 2.1, 2014
_REMEDY = "dvc repro prepare"
_KINDS = tuple(Limits.model_fields)


def build(
    dataset: Dataset, *, train: Path, validation: Path, predictions: Path, scores: Mapping[str, Any], headline: str
) -> Reference:
    """Make the reference, part by part.

    Args:
        dataset: the labels and the slices.
        train: the table whose words are counted.
        validation: other text of the same kind: its windows, drawn by whole groups, say what chance does.
        predictions: what was answered to it by a model that was not trained on it.
        scores: of the test set, as metrics/evaluation.json has them.
        headline: the metric that decides.

    Raises:
        VerdictError: a table is missing or damaged, or they do not fit together.
    """
    names = dataset.slices or ("",)
    seen = _seen(train, names)
    frequent, known = _ranked(train, sum((own.words for own in seen.values()), Tally[str]()))
    one_of = -(-sum(len(part) for part in table_parts(predictions, "dvc repro train")) // _MOST)
    held, answered = _some(validation, one_of, _REMEDY), _some(predictions, one_of, "dvc repro train")
    if "id" not in answered or list(answered["id"]) != list(held["id"]):
        raise VerdictError(str(predictions), f"has other rows than {validation}", "dvc repro train")
    words = Counter(frequent, known.tolist()).of(held["text"])
    said, truth = answers(answered, dataset.labels), answered["label"].to_numpy()
    pool = Pool(held, names, words, said)
    found = Reference(
        labels=dataset.labels,
        slices=names,
        headline=headline,
        scores=_scores(scores, headline),
        frequent=tuple(frequent),
        words=tuple(_row(own.words, frequent) for own in seen.values()),
        lengths=tuple(max(own.words.total() / max(own.texts, 1), 1.0) for own in seen.values()),
        characters=tuple(tuple(own.characters.tolist()) for own in seen.values()),
        unknown=tuple(pool.unknown.round(6).tolist()),
        answers=tuple(tuple(map(tuple, own)) for own in pool.answered.tolist()),
        classes=tuple(tuple(map(tuple, said[truth == label].sum(axis=0).tolist())) for label in dataset.labels),
        known=base64.b64encode(known.tobytes()).decode(),
        limits=Limits(**dict.fromkeys(_KINDS, ())),
    )
    return found.model_copy(update={"limits": _limits(found.parts, pool)})


@dataclass
class _Slice:
    """What the training text of a slice has."""

    words: Tally[str] = field(default_factory=Tally)
    texts: int = 0
    characters: Counts = field(default_factory=lambda: np.zeros(len(LENGTHS) + 1, np.int64))


def _seen(train: Path, names: Sequence[str]) -> dict[str, _Slice]:
    found = {name: _Slice() for name in names}
    for table in table_parts(train, _REMEDY):
        for name, texts in table["text"].groupby(slices_of(table)):
            own = found[str(name)]
            own.words.update(word for text in texts for word in words(text))
            own.texts += len(texts)
            own.characters += lengths_of(texts)
    return found


def _ranked(train: Path, whole: Tally[str]) -> tuple[list[str], npt.NDArray[np.uint32]]:
    """The frequent words, those of enough groups alone, and the hashes of the others."""
    ranked = sorted(whole, key=lambda word: (-whole[word], word))
    groups: dict[str, set[str]] = {word: set() for word in ranked[:_FREQUENT]}
    few = set(groups)
    for table in table_parts(train, _REMEDY):
        for group, text in zip(table["group"], table["text"], strict=True):
            if not few:
                break
            for word in few.intersection(words(text)):
                groups[word].add(group)
            few = {word for word in few if len(groups[word]) < _GROUPS}
    frequent = [word for word in groups if word not in few]
    others = [word for word in ranked if word in few or word not in groups][:_KNOWN]
    return frequent, np.array(sorted({hashed(word) for word in others}), "<u4")


def _some(path: Path, one_of: int, remedy: str) -> pd.DataFrame:
    """One of so many groups of a table, all of their rows."""
    return pd.concat(part[part["group"].map(hashed) % max(one_of, 1) == 0] for part in table_parts(path, remedy))


class Pool:
    """Draws windows of texts by whole groups, as text comes: a film, a customer, a day at a time.

    Args:
        table: n rows with `group`, and `slice` where the data has slices.
        slices: their names.
        words: of each row, (n, places).
        answers: of each row, (n, labels, steps).
    """

    def __init__(self, table: pd.DataFrame, slices: Sequence[str], words: Counts, answers: Counts) -> None:
        own, (codes, names) = slices_of(table).to_numpy(), pd.factorize(table["group"])
        rows = np.concatenate([words, answers.reshape(len(answers), -1)], axis=1).astype(np.float64)
        self._shape, self._groups = (words.shape[1], answers.shape[1:]), list[Floats]()
        for name in slices:
            sums = np.zeros((len(names), rows.shape[1]))
            np.add.at(sums, codes[own == name], rows[own == name])
            self._groups.append(sums[sums[:, words.shape[1] :].any(axis=1)])

    @property
    def unknown(self) -> Floats:
        """The share of unknown words in each slice."""
        own = np.array([groups[:, : self._shape[0]].sum(axis=0) for groups in self._groups])
        return np.asarray(own[:, -1] / np.maximum(own.sum(axis=1), 1))

    @property
    def answered(self) -> Counts:
        """The answers of each slice."""
        own = np.array([groups[:, self._shape[0] :].sum(axis=0) for groups in self._groups])
        return own.reshape(-1, *self._shape[1]).astype(np.int64)

    def halves(self, draw: np.random.Generator) -> "tuple[Pool, Pool]":
        """Two pools that share no group, except of a slice that has just one."""
        first, second = copy(self), copy(self)
        shuffled = [groups[draw.permutation(len(groups))] for groups in self._groups]
        first._groups = [groups[: len(groups) // 2] if len(groups) > 1 else groups for groups in shuffled]
        second._groups = [groups[len(groups) // 2 :] for groups in shuffled]
        return first, second

    def has(self, mix: Floats) -> bool:
        """Whether there are groups of each slice that a mixture has."""
        return all(len(groups) for groups, share in zip(self._groups, mix, strict=True) if share)

    def least(self, mix: Floats) -> Floats:
        """What so few texts cannot tell, in the order of `_KINDS`: of n that lack something, others may be 3/n."""
        own = np.concatenate([groups for groups, share in zip(self._groups, mix, strict=True) if share])
        words, answers = own[:, : self._shape[0]].sum(), own[:, self._shape[0] :].sum()
        share = 3 / max(answers, 1)
        return np.array([3 / max(words, 1), 0, share, share, 0, share, share])

    def window(self, draw: np.random.Generator, mix: Floats, texts: int) -> Window:
        """Answers to so many texts with shares `mix` of the slices, and the words of as many as a service counts."""
        words, answers = (self._counts(draw, mix, round(count)) for count in (texts * COUNTED, texts))
        return Window(words[: self._shape[0]], answers[self._shape[0] :].reshape(self._shape[1]), np.zeros(0, np.int64))

    def _counts(self, draw: np.random.Generator, mix: Floats, texts: int) -> Counts:
        """The sums of whole groups, the last ones with what they have beyond that many texts."""
        places, shape = self._shape
        whole = np.zeros(places + int(np.prod(shape)))
        for groups, wanted in zip(self._groups, (texts * mix).round().astype(int), strict=True):
            if wanted and len(groups):
                drawn, texts_of = draw.integers(len(groups), size=wanted), groups[:, places:].sum(axis=1)
                last = np.searchsorted(texts_of[drawn].cumsum(), wanted)
                whole += np.bincount(drawn[: last + 1], minlength=len(groups)) @ groups
        return whole.astype(np.int64)


def slices_of(table: pd.DataFrame) -> "pd.Series[str]":
    """The slice of each row; of data without slices the one without a name."""
    return table["slice"] if "slice" in table else pd.Series("", table.index)


def lengths_of(texts: "pd.Series[str]") -> Counts:
    """Texts by length in characters: up to each of `LENGTHS`, then longer ones."""
    return np.bincount(np.searchsorted(LENGTHS, texts.str.len()), minlength=len(LENGTHS) + 1)


def answers(predictions: pd.DataFrame, labels: Sequence[str]) -> Counts:
    """The answer to each row by label and step of its confidence, (rows, labels, steps)."""
    said = predictions[columns_of(labels)].to_numpy()
    found = np.zeros((*said.shape, STEPS), np.int64)
    step = np.minimum((said.max(axis=1) * STEPS).astype(int), STEPS - 1)
    found[np.arange(len(said)), said.argmax(axis=1), step] = 1
    return found


def _row(tally: Tally[str], frequent: Sequence[str]) -> tuple[int, ...]:
    own = [tally[word] for word in frequent]
    return (*own, tally.total() - sum(own))


def _scores(document: Mapping[str, Any], headline: str) -> dict[str, dict[str, float]]:
    every = {OVERALL: document[OVERALL], **document.get("slices", {})}
    return {
        name: {metric: own[metric] for metric in dict.fromkeys((headline, "accuracy")) if own.get(metric) is not None}
        for name, own in every.items()
    }


def _limits(parts: Slices, pool: Pool) -> Limits:
    """What chance does to windows of one slice of validation: the fewer groups make one, the more."""
    draw = np.random.default_rng(_SEED)
    found = [_limits_of(parts, pool, mix, draw) if pool.has(mix) else None for mix in np.eye(len(parts.lengths))]
    # A slice that validation does not have may be as unruly as any.
    worst = np.max([limits for limits in found if limits is not None], axis=0)
    every = np.array([worst if limits is None else limits for limits in found])
    return Limits(**{name: tuple(row.tolist()) for name, row in zip(_KINDS, every.T, strict=True)})


def _limits_of(parts: Slices, pool: Pool, mix: Floats, draw: np.random.Generator) -> Floats:
    """Those of one mixture, in the order of `_KINDS`.

    Answers are compared with those to the other half of validation, since a reference is a sample, too: they differ
    more from group to group than words do.
    """
    windows, halves = list[Window](), list[Floats]()
    for _ in range(_WINDOWS):
        measured, drawn = pool.halves(draw)
        halves.append(shares(measured.answered))
        windows += [pool.window(draw, mix, FIRST), pool.window(draw, mix, WINDOW), drawn.window(draw, mix, WINDOW)]
    weights, found = mixtures(parts, windows), []
    for place, answered in enumerate(halves):
        ways = (parts, parts, replace(parts, answers=answered))
        first, later, other = (fit(way, windows[at], weights[at]) for at, way in enumerate(ways, 3 * place))
        since = (later.residual(first), later.classes(first), later.confidence(first))
        found.append((later.unknown, later.residual(), other.classes(), other.confidence(), *since))
    # A far quantile of so few windows would itself be chance.
    deviations = [_IN_A_ROW if kind.endswith("_since") else _DEVIATIONS for kind in _KINDS]
    limits = np.mean(found, axis=0) + deviations * np.std(found, axis=0)
    return np.asarray(np.maximum(limits, pool.least(mix)).round(6))
