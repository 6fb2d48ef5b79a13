"""Resamples of a test set: whole groups, drawn with replacement, stratified by slice; and the metrics of each.

Most metrics are functions of sums over rows (`verdict.classifier.scores.metrics`), and so of sums over groups. A
resample is then a row of counts (how often each group was drawn), and its sums are the product of that row with a
sparse matrix. Areas under curves are functions of the ranked rows, each counted as often as its group. Resamples come
in chunks, and only the metrics of a chunk are kept: memory grows neither with rows × resamples nor with the classes.
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
# Each thread holds some arrays of that size.
_THREADS = 4
# The stratum of groups that have rows in several slices; no slice has this name.
_SEVERAL = ""


@dataclass(frozen=True)
class Clusters:
    """The groups that are drawn: `group_of_row` numbers the group of each row, `strata` has (seed, number of groups).

    The groups of one slice are a stratum, and all that have rows in several slices are one more: strata of few groups
    would hardly vary. Each stratum has its own generator, so that its draws do not depend on which others there are.
    """

    group_of_row: Codes
    strata: tuple[tuple[tuple[int, ...], int], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, seed: int) -> "Clusters":
        """Number the groups of a table, stratum by stratum, each in the order of the rows."""
        groups, names = pd.factorize(table["group"])
        if "slice" not in table:
            return cls(groups, (((seed,), len(names)),))
        stratum_names = [
            names[0] if len(names) == 1 else _SEVERAL for names in _slices_of_groups(groups, table["slice"])
        ]
        strata, distinct = pd.factorize(np.array(stratum_names, dtype=object))
        numbers = np.empty(len(strata), dtype=np.intp)
        numbers[np.argsort(strata, kind="stable")] = np.arange(len(strata))
        seeds = ((seed, *name.encode()) for name in distinct)
        return cls(numbers[groups], tuple(zip(seeds, np.bincount(strata).tolist(), strict=True)))

    @property
    def groups(self) -> int:
        """The number of groups."""
        return sum(size for _, size in self.strata)

    def counts(self, resamples: int, most: int) -> Iterator[Floats]:
        """Draw all groups; yield how often each is drawn in chunks of at most `most` resamples, (chunk, groups)."""
        generators = [np.random.default_rng(seed) for seed, _ in self.strata]
        buffer = np.empty((most, self.groups))
        for begin in range(0, resamples, most):
            chunk, first = buffer[: resamples - begin], 0
            for generator, (_, size) in zip(generators, self.strata, strict=True):
                _draw(generator, chunk[:, first : first + size])
                first += size
            yield chunk

    def groups_of(self, rows: npt.NDArray[np.bool_]) -> int:
        """The number of groups that have one of some rows."""
        return len(np.unique(self.group_of_row[rows]))

    def strata_of(self, rows: npt.NDArray[np.bool_]) -> int:
        """The number of strata that have a group with one of some rows."""
        ends = np.cumsum([size for _, size in self.strata])
        return len(np.unique(np.searchsorted(ends, self.group_of_row[rows], side="right")))


def _slices_of_groups(groups: Codes, values: pd.Series) -> list[tuple[str, ...]]:
    """The slices in which each group has rows."""
    codes, names = pd.factorize(values, sort=True)
    group, code = np.divmod(np.unique(groups * len(names) + codes), len(names))
    parts = np.split(code, np.flatnonzero(np.diff(group)) + 1)
    return [tuple(str(names[number]) for number in part) for part in parts]


def _draw(generator: np.random.Generator, out: Floats) -> None:
    """Fill in how often each group of a stratum is drawn; the draws do not depend on the size of the steps."""
    resamples, size = out.shape
    step = max(1, _CACHED // (8 * size))
    for begin in range(0, resamples, step):
        part = out[begin : begin + step]
        drawn = generator.integers(size, size=part.shape)
        drawn += np.arange(len(part))[:, None] * size
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)


@dataclass(frozen=True)
class Part:
    """The rows of a slice, or all: the metrics to compute, what the rows add to the sums, and how they are ranked.

    Args:
        name: of the slice, or `overall`.
        rows: mask over the table.
        metrics: names of the metrics to compute.
        span: the groups from the first that has rows here to the last.
        sums: what each of these groups adds to the sums of each model, one model below the other.
        rankings: one for each model, where a metric of two classes is computed; the order is one of groups.
    """

    name: str
    rows: npt.NDArray[np.bool_]
    metrics: tuple[str, ...]
    span: slice
    sums: csc_array
    rankings: tuple[Ranking, ...]

    @classmethod
    def of(
        cls,
        name: str,
        rows: npt.NDArray[np.bool_],
        metrics: Sequence[str],
        clusters: Clusters,
        models: Sequence[tuple[ScoredRows, csr_array]],
    ) -> "Part":
        """Sum up and rank some rows; each model is a pair of its predictions and what its rows add to the sums."""
        groups = clusters.group_of_row[rows]
        span = slice(int(groups.min()), int(groups.max()) + 1)
        n, size = len(groups), span.stop - span.start
        rows_to_groups = csr_array((np.ones(n), (groups - span.start, np.arange(n))), shape=(size, n))
        sums = vstack([(rows_to_groups @ terms[rows]).T for _, terms in models], format="csc")
        ranked = [Ranking.from_rows(scored[rows]) for scored, _ in models] if set(metrics) & set(BINARY) else []
        rankings = tuple(replace(ranking, order=groups[ranking.order]) for ranking in ranked)
        return cls(name, rows, tuple(metrics), span, sums, rankings)


class Resampling:
    """Several models on the rows of one test set, and their metrics on shared resamples."""

    def __init__(
        self,
        tables: Sequence[pd.DataFrame],
        labels: tuple[str, ...],
        bins: int,
        seed: int,
        metrics_for: Callable[[str], Sequence[str]],
    ) -> None:
        """Sum up the predictions by group.

        Args:
            tables: one for each model, of the same rows in the same order.
            labels: the classes.
            bins: of the calibration error.
            seed: of the draws.
            metrics_for: gives the metrics of `overall` or of a slice; a slice without metrics is left out.
        """
        models = [scored_rows(table, labels, "predictions") for table in tables]
        self._models, self._layout = len(models), Sums(labels, bins, models[0].rating is not None)
        self.clusters = Clusters.of(tables[0], seed)
        with_terms = [(model, _terms(self._layout, model)) for model in models]
        parts = ((name, rows, metrics_for(name)) for name, rows in slice_masks(tables[0]))
        self.parts = [Part.of(*part, self.clusters, with_terms) for part in parts if part[-1]]

    def draw(self, resamples: int) -> Iterator[tuple[slice, Part, list[dict[str, Floats]]]]:
        """Yield the metrics of each model, chunk by chunk and part by part; the slice says which resamples they are."""
        groups, width = self.clusters.groups, self._layout.width
        most = min(resamples, max(1, _CHUNK // (16 * groups + 64 * self._models * width)))
        buffer = np.empty((groups, most))
        for number, counts in enumerate(self.clusters.counts(resamples, most)):
            place, by_group = slice(number * most, number * most + len(counts)), buffer[:, : len(counts)]
            by_group[:] = counts.T
            for part in self.parts:
                sums = (part.sums @ by_group[part.span]).T
                yield place, part, [self._metrics(part, model, sums, counts) for model in range(self._models)]

    def _metrics(self, part: Part, model: int, sums: Floats, counts: Floats) -> dict[str, Floats]:
        """The metrics of one model on a part."""
        width = self._layout.width
        values: dict[str, Floats] = {}
        model_sums = sums[:, model * width : (model + 1) * width]
        if not set(part.metrics) <= set(BINARY):
            with np.errstate(invalid="ignore"):  # a slice may have no row in a resample, and then no value
                values |= self._layout.metrics(model_sums)
        if part.rankings:
            values |= _ranking_metrics(part.rankings[model], counts)
        for label in {name.partition(":")[2] for name in part.metrics if ":" in name}:
            values |= {f"{name}:{label}": value for name, value in self._layout.of_class(model_sums, label).items()}
        return {name: values[name] for name in part.metrics}


def _terms(layout: Sums, rows: ScoredRows) -> csr_array:
    """What each row adds to the sums, (rows, width of the layout)."""
    columns, values = layout.of_rows(rows)
    ends = np.arange(len(rows) + 1) * columns.shape[1]
    return csr_array((values.ravel(), columns.ravel(), ends), shape=(len(rows), layout.width))


def _ranking_metrics(ranking: Ranking, counts: Floats) -> dict[str, Floats]:
    """The areas under curves on each resample."""
    step = max(1, _CACHED // (8 * len(ranking.order)))
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:  # numpy lets go of the interpreter
        blocks = [counts[begin : begin + step] for begin in range(0, len(counts), step)]
        values = list(pool.map(ranking.metrics, blocks))
    return {name: np.concatenate([block[name] for block in values]) for name in BINARY}
