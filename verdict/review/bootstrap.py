"""Paired bootstrap over documents, stratified by domain: how far chance in the test set could move a difference.

Every metric is a function of sums over sentences (`classifier.scores.metrics`), and so of sums over documents. A
resample is then a row of counts (how often each document was drawn), and all resamples of all metrics are one product
of matrices: counts × sums.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit  # not scipy.stats, which takes 0.6 s to import

from verdict.classifier.scores.metric_names import METRICS, OVERALL
from verdict.classifier.scores.metrics import Floats, of_sums, row_sums
from verdict.classifier.scores.predictions import arrays

# No difference can be larger: twice the range of a metric, or the loss of a probability that was clipped.
_WIDEST = {"mcc": 2.0, "valence_r": 2.0, "log_loss": -float(np.log(1e-15))}
# Resamples at a time: keeps the counts of the largest domain below 50 MB.
_CHUNK = 2_000


@dataclass(frozen=True)
class Draws:
    """One group of sentences: metrics of main and candidate, and what the resamples made of them.

    `strata` is the number of domains. `base` and `candidate` map each of `METRICS` to its value, `differences` to an
    array (resamples,) of candidate − main.
    """

    documents: int
    sentences: int
    strata: int
    base: dict[str, float]
    candidate: dict[str, float]
    differences: dict[str, Floats]

    @property
    def varies(self) -> bool:
        """Whether one resample can differ from another: of one document a domain each is the same."""
        return self.documents > self.strata

    def interval(self, metric: str, confidence: float) -> tuple[float, float]:
        """Percentile interval of the difference, widened for few documents (Hesterberg 2015, expanded percentile).

        Of one document a domain anything is possible.
        """
        if not self.varies:
            widest = _WIDEST.get(metric, 1.0)
            return -widest, widest
        low, high = np.quantile(self.differences[metric], tails(confidence, self.documents))
        return float(low), float(high)

    def standard_error(self, metric: str) -> float:
        """Of the difference, by the resamples, with Bessel's correction for the number of documents."""
        inflation = self.documents / max(self.documents - 1, 1)
        return float(self.differences[metric].std() * inflation**0.5)


def tails(confidence: float, documents: int) -> tuple[float, float]:
    """The two quantiles to take of the resamples.

    A resample of n documents varies by (n - 1)/n too little, and the quantiles of few are Student's, not normal; both
    are mended by going further out. For a thousand documents this is nothing, for 51 it is a tenth of a tail.
    """
    if documents < 2:
        return 0.0, 1.0
    quantile = stdtrit(documents - 1, (1 - confidence) / 2) * (documents / (documents - 1)) ** 0.5
    below = float(ndtr(quantile))
    return below, 1 - below


@dataclass(frozen=True)
class Resample:
    """One model's sums by domain: documents, sentences, the whole (columns,), and resampled (resamples, columns).

    Those of one call of `resample` are paired: row by row the same documents.
    """

    documents: dict[str, int]
    sentences: dict[str, int]
    total: dict[str, Floats]
    drawn: dict[str, Floats]
    bins: int


def resample(tables: Sequence[pd.DataFrame], bins: int, resamples: int, seed: int) -> list[Resample]:
    """Sum up each model's predictions over the documents of each resample, the same resamples for all.

    Args:
        tables: one a model, for the same sentences in the same order: document, domain, label, valence, and a
            probability for each of `LABELS`.
        bins: of the calibration error.
        resamples: how many.
        seed: each domain has a generator of its own, so that one domain's draws do not depend on another's presence.
    """
    rows = [row_sums(*arrays(table), bins) for table in tables]
    results = [Resample({}, {}, {}, {}, bins) for _ in tables]
    for domain in dict.fromkeys(tables[0]["domain"]):
        inside = (tables[0]["domain"] == domain).to_numpy()
        codes, documents = pd.factorize(tables[0].loc[inside, "document"])
        sums = np.zeros((len(documents), sum(part.shape[1] for part in rows)))
        np.add.at(sums, codes, np.hstack([part[inside] for part in rows]))
        drawn = _resampled(sums, resamples, np.random.default_rng([seed, *domain.encode()]))
        whole = np.split(sums.sum(axis=0), len(tables))
        for result, total, own in zip(results, whole, np.split(drawn, len(tables), axis=1), strict=True):
            result.documents[domain], result.sentences[domain] = len(documents), int(inside.sum())
            result.total[domain], result.drawn[domain] = total, own
    return results


def differences(base: Resample, candidate: Resample) -> dict[str, Draws]:
    """Every metric of every resample, candidate − main: for `overall`, then for each domain in the rows' order."""
    found = {OVERALL: _draws(base, candidate, list(candidate.documents))}
    return {**found, **{domain: _draws(base, candidate, [domain]) for domain in candidate.documents}}


def paired(base: pd.DataFrame, candidate: pd.DataFrame, bins: int, resamples: int, seed: int) -> dict[str, Draws]:
    """Two tables of predictions for the same sentences in the same order, resampled together."""
    return differences(*resample([base, candidate], bins, resamples, seed))


def _draws(base: Resample, candidate: Resample, domains: list[str]) -> Draws:
    points, drawn = [], []
    for side in (base, candidate):
        points.append(of_sums(np.sum([side.total[domain] for domain in domains], axis=0), side.bins))
        drawn.append(of_sums(np.sum([side.drawn[domain] for domain in domains], axis=0), side.bins))
    return Draws(
        sum(candidate.documents[domain] for domain in domains),
        sum(candidate.sentences[domain] for domain in domains),
        len(domains),
        base={name: float(value) for name, value in points[0].items()},
        candidate={name: float(value) for name, value in points[1].items()},
        differences={name: drawn[1][name] - drawn[0][name] for name in METRICS},
    )


def _resampled(sums: Floats, resamples: int, generator: np.random.Generator) -> Floats:
    """Sums over documents drawn with replacement, (resamples, columns)."""
    return np.vstack([counts @ sums for counts in _counts(len(sums), resamples, generator)])


def _counts(documents: int, resamples: int, generator: np.random.Generator) -> Iterator[Floats]:
    """How often each document is drawn, chunks of (some, documents)."""
    for begin in range(0, resamples, _CHUNK):
        some = min(_CHUNK, resamples - begin)
        drawn = generator.integers(documents, size=(some, documents)) + np.arange(some)[:, None] * documents
        yield np.bincount(drawn.ravel(), minlength=some * documents).reshape(some, documents).astype(np.float64)
