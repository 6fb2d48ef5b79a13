"""Resamples of a test set: whole groups, drawn with replacement, stratified by slice; and the metrics of each.

Most metrics are functions of sums over rows (`verdict.classifier.scores.metrics`), and so of sums over groups. A
resample is then a row of counts (how often each group was drawn), and its sums are one product of it and a sparse
matrix. Areas under curves are functions of the ranked rows, each counted as often as its group. Resamples come in
chunks, and of a chunk the metrics alone are kept: memory does not grow with rows × resamples, nor with the classes.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csc_array, csr_array, vstack

from verdict.classifier.params.metric_names import BINARY
from verdict.classifier.scores.metrics import Codes, Floats, Ranking, ScoredRows, Sums
from verdict.classifier.scores.predictions import scored_rows, slice_masks

# Bytes of a chunk of resamples, and of the part of it that is ranked or drawn at a time, which a cache should hold.
_CHUNK, _CACHED = 100_000_000, 2_000_000
# At most; each holds some arrays of that size.
_THREADS = 4
# The stratum of groups that have rows in several slices; no slice is called so.
_SEVERAL = ("",)


@dataclass(frozen=True)
class Clusters:
    """The groups that chance draws: the `place` of each row's, and of each stratum its seed and how many it has.

    The groups of one slice are a stratum, and all that have rows in several are one more: strata of few groups would
    hardly vary. A stratum has a generator of its own, so that its draws do not depend on another's presence.
    """

    place: Codes
    strata: tuple[tuple[tuple[int, ...], int], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, seed: int) -> "Clusters":
        """The groups of a table, stratum by stratum, each in the order of the rows."""
        groups, names = pd.factorize(table["group"])
        if "slice" not in table:
            return cls(groups, (((seed,), len(names)),))
        sets = [one if len(one) == 1 else _SEVERAL for one in _slices_of_groups(groups, table["slice"])]
        numbers = {one: number for number, one in enumerate(dict.fromkeys(sets))}
        strata = np.array([numbers[one] for one in sets], dtype=np.intp)
        place = np.empty(len(strata), dtype=np.intp)
        place[np.argsort(strata, kind="stable")] = np.arange(len(strata))
        sizes = np.bincount(strata).tolist()
        return cls(
            place[groups], tuple(((seed, *one[0].encode()), size) for one, size in zip(numbers, sizes, strict=True))
        )

    @property
    def groups(self) -> int:
        """How many there are."""
        return sum(size for _, size in self.strata)

    def counts(self, resamples: int, most: int) -> Iterator[Floats]:
        """How often each group is drawn, in chunks of at most `most` resamples, (some, groups)."""
        generators = [np.random.default_rng(seed) for seed, _ in self.strata]
        buffer = np.empty((most, self.groups))
        for begin in range(0, resamples, most):
            chunk, first = buffer[: resamples - begin], 0
            for generator, (_, size) in zip(generators, self.strata, strict=True):
                _draw(generator, chunk[:, first : first + size])
                first += size
            yield chunk

    def groups_of(self, rows: npt.NDArray[np.bool_]) -> int:
        """How many groups there are among some rows."""
        return len(np.unique(self.place[rows]))

    def strata_of(self, rows: npt.NDArray[np.bool_]) -> int:
        """How many strata have a group among some rows."""
        ends = np.cumsum([size for _, size in self.strata])
        return len(np.unique(np.searchsorted(ends, self.place[rows], side="right")))


def _slices_of_groups(groups: Codes, values: pd.Series) -> list[tuple[str, ...]]:
    """The slices in which each group has rows."""
    codes, names = pd.factorize(values, sort=True)
    group, code = np.divmod(np.unique(groups * len(names) + codes), len(names))
    parts = np.split(code, np.flatnonzero(np.diff(group)) + 1)
    return [tuple(str(names[one]) for one in part) for part in parts]


def _draw(generator: np.random.Generator, out: Floats) -> None:
    """Fill in how often each group of a stratum is drawn; the stream does not depend on how the work is cut."""
    resamples, size = out.shape
    step = max(1, _CACHED // (8 * size))
    for begin in range(0, resamples, step):
        part = out[begin : begin + step]
        drawn = generator.integers(size, size=part.shape)
        drawn += np.arange(len(part))[:, None] * size
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)


@dataclass(frozen=True)
class Part:
    """The rows of a slice, or all: whose metrics are asked for, what they add to the sums, and how they are ranked.

    Args:
        name: of the slice, or `overall`.
        rows: which of the table's.
        asked: the metrics.
        span: the groups from the first that it has rows of to the last.
        sums: what each of these groups adds to the sums of each model, one model below the other.
        rankings: of each model, where a metric of two classes is asked for; the order is that of groups.
    """

    name: str
    rows: npt.NDArray[np.bool_]
    asked: tuple[str, ...]
    span: slice
    sums: csc_array
    rankings: tuple[Ranking, ...]

    @classmethod
    def of(
        cls,
        name: str,
        rows: npt.NDArray[np.bool_],
        asked: Sequence[str],
        clusters: Clusters,
        models: Sequence[tuple[ScoredRows, csr_array]],
    ) -> "Part":
        """A part of what some models say, each given with what its rows add to the sums."""
        place = clusters.place[rows]
        span = slice(int(place.min()), int(place.max()) + 1)
        n, size = len(place), span.stop - span.start
        gathered = csr_array((np.ones(n), (place - span.start, np.arange(n))), shape=(size, n))
        sums = vstack([(gathered @ adds[rows]).T for _, adds in models], format="csc")
        ranked = [Ranking.from_rows(scored[rows]) for scored, _ in models] if set(asked) & set(BINARY) else []
        return cls(name, rows, tuple(asked), span, sums, tuple(replace(one, order=place[one.order]) for one in ranked))


class Resampling:
    """Models on the rows of one test set, and the metrics of each on resamples that all of them share."""

    def __init__(
        self,
        tables: Sequence[pd.DataFrame],
        labels: tuple[str, ...],
        bins: int,
        seed: int,
        asked: Callable[[str], Sequence[str]],
    ) -> None:
        """Sum up the predictions by group.

        Args:
            tables: one a model, for the same rows in the same order.
            labels: the classes.
            bins: of the calibration error.
            seed: of the draws.
            asked: the metrics of `overall`, and of a slice; where it is none, nothing is drawn.
        """
        models = [scored_rows(table, labels, "predictions") for table in tables]
        self._models, self._layout = len(models), Sums(labels, bins, models[0].rating is not None)
        self.clusters = Clusters.of(tables[0], seed)
        added = [(rows, _sparse(self._layout, rows)) for rows in models]
        parts = ((name, rows, asked(name)) for name, rows in slice_masks(tables[0]))
        self.parts = [Part.of(*part, self.clusters, added) for part in parts if part[-1]]

    def draw(self, resamples: int) -> Iterator[tuple[slice, Part, list[dict[str, Floats]]]]:
        """The metrics of each model, chunk by chunk and part by part; the first says which resamples they are of."""
        groups, width = self.clusters.groups, self._layout.width
        most = min(resamples, max(1, _CHUNK // (16 * groups + 64 * self._models * width)))
        by_group = np.empty((groups, most))
        for number, counts in enumerate(self.clusters.counts(resamples, most)):
            place, turned = slice(number * most, number * most + len(counts)), by_group[:, : len(counts)]
            turned[:] = counts.T
            for part in self.parts:
                sums = (part.sums @ turned[part.span]).T
                yield place, part, [self._metrics(part, one, sums, counts) for one in range(self._models)]

    def _metrics(self, part: Part, model: int, sums: Floats, counts: Floats) -> dict[str, Floats]:
        """What is asked for, of one model."""
        width = self._layout.width
        found: dict[str, Floats] = {}
        own = sums[:, model * width : (model + 1) * width]
        if not set(part.asked) <= set(BINARY):
            with np.errstate(invalid="ignore"):  # a slice may have no row in a resample: then it has no value, either
                found |= self._layout.metrics(own)
        if part.rankings:
            found |= _ranked(part.rankings[model], counts)
        for label in {name.partition(":")[2] for name in part.asked if ":" in name}:
            found |= {f"{name}:{label}": value for name, value in self._layout.of_class(own, label).items()}
        return {name: found[name] for name in part.asked}


def _sparse(layout: Sums, rows: ScoredRows) -> csr_array:
    columns, values = layout.of_rows(rows)
    ends = np.arange(len(rows) + 1) * columns.shape[1]
    return csr_array((values.ravel(), columns.ravel(), ends), shape=(len(rows), layout.width))


def _ranked(ranking: Ranking, counts: Floats) -> dict[str, Floats]:
    step = max(1, _CACHED // (8 * len(ranking.order)))
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:  # numpy lets go of the interpreter
        blocks = [counts[begin : begin + step] for begin in range(0, len(counts), step)]
        found = list(pool.map(ranking.metrics, blocks))
    return {name: np.concatenate([one[name] for one in found]) for name in BINARY}
