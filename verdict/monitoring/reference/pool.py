"""Draws windows of texts by whole groups, to measure the variation by chance."""

from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from verdict.monitoring.reference import COUNTED_SHARE
from verdict.monitoring.reference.mixture import Floats, Window
from verdict.monitoring.reference.words import Counts


class Pool:
    """Draws windows of texts by whole groups, as text comes: a film, a customer, a day at a time.

    Args:
        table: n rows with `group`, and `slice` where the data has slices.
        slices: their names.
        words: of each row, (n, places).
        answers: of each row, (n, labels, steps).
    """

    def __init__(self, table: pa.Table, slices: Sequence[str], words: Counts, answers: Counts) -> None:
        slice_names, order = slices_of(table), dict[str, int]()
        codes = np.array([order.setdefault(group, len(order)) for group in table["group"].to_pylist()])
        rows = np.concatenate([words, answers.reshape(len(answers), -1)], axis=1).astype(np.float64)
        self._shape, self._groups = (words.shape[1], answers.shape[1:]), list[Floats]()
        for name in slices:
            sums = np.zeros((len(order), rows.shape[1]))
            np.add.at(sums, codes[slice_names == name], rows[slice_names == name])
            self._groups.append(sums[sums[:, words.shape[1] :].any(axis=1)])

    @property
    def unknown(self) -> Floats:
        """The share of unknown words in each slice."""
        own = np.array([groups[:, : self._shape[0]].sum(axis=0) for groups in self._groups])
        return np.asarray(own[:, -1] / np.maximum(own.sum(axis=1), 1))

    @property
    def answers(self) -> Counts:
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

    def covers(self, mix: Floats) -> bool:
        """True if there are groups of each slice of a mixture."""
        return all(len(groups) for groups, share in zip(self._groups, mix, strict=True) if share)

    def resolution(self, mix: Floats) -> Floats:
        """Return the least limits that so few texts allow, in the order of `Limits`: of n without a case 3/n."""
        rows = np.concatenate([groups for groups, share in zip(self._groups, mix, strict=True) if share])
        words, answers = rows[:, : self._shape[0]].sum(), rows[:, self._shape[0] :].sum()
        share = 3 / max(answers, 1)
        return np.array([3 / max(words, 1), 0, share, share, 0, share, share])

    def window(self, draw: np.random.Generator, mix: Floats, texts: int) -> Window:
        """Draw answers to `texts` texts with shares `mix` of the slices, and words of as many as a service counts."""
        words, answers = (self._counts(draw, mix, round(count)) for count in (texts * COUNTED_SHARE, texts))
        return Window(words[: self._shape[0]], answers[self._shape[0] :].reshape(self._shape[1]), np.zeros(0, np.int64))

    def _counts(self, draw: np.random.Generator, mix: Floats, texts: int) -> Counts:
        """Sum whole groups up to `texts` texts; the last group of a slice may exceed them."""
        places, shape = self._shape
        sums = np.zeros(places + int(np.prod(shape)))
        for groups, count in zip(self._groups, (texts * mix).round().astype(int), strict=True):
            if count and len(groups):
                drawn, texts_of = draw.integers(len(groups), size=count), groups[:, places:].sum(axis=1)
                last = np.searchsorted(texts_of[drawn].cumsum(), count)
                sums += np.bincount(drawn[: last + 1], minlength=len(groups)) @ groups
        return sums.astype(np.int64)


def slices_of(table: pa.Table) -> npt.NDArray[np.object_]:
    """Return the slice of each row; data without slices has one without a name."""
    names = table["slice"].to_pylist() if "slice" in table.column_names else [""] * len(table)
    return np.array(names, dtype=np.object_)
