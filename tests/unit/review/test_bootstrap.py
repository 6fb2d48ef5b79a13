"""The bootstrap against scikit-learn's metrics, against scipy's bootstrap, and against simulated truth."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from tests.unit.review.predictions import predicted, truth, with_probabilities
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.scores.metric_names import METRICS, OVERALL
from verdict.classifier.scores.metrics import of_sums, row_sums, scores
from verdict.classifier.scores.predictions import arrays
from verdict.review.bootstrap import differences, paired, resample, tails

BINS = 10


@pytest.fixture(scope="module")
def pair() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models' predictions for two domains: one with many documents of one sentence, one with few long ones."""
    generator = np.random.default_rng(5)
    table = pd.concat([truth(generator, {"short": 300}, 1), truth(generator, {"long": 40}, 9)], ignore_index=True)
    return predicted(table, generator, 1.0), predicted(table, generator, 1.2)


def part(pair: tuple[pd.DataFrame, pd.DataFrame], domain: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both models' predictions for one domain."""
    base, candidate = (table[table["domain"] == domain] for table in pair)
    return base, candidate


def test_metrics_are_those_of_the_metrics_file(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Each metric taken from sums is the one that evaluate writes, overall and in each domain."""
    for name, draws in paired(*pair, BINS, 10, 1).items():
        table = pair[1] if name == OVERALL else pair[1][pair[1]["domain"] == name]
        expected = scores(*arrays(table), BINS)
        assert {**draws.candidate, "n": draws.sentences} == pytest.approx(expected, abs=1e-6)


def test_one_class_predicted_and_constant_valence_give_zeros() -> None:
    """Where a correlation or F1 is undefined, it is 0, as in the metrics file."""
    table = truth(np.random.default_rng(1), {"a": 5}).assign(valence=1.0, label=LABELS[2])
    constant = with_probabilities(table, np.tile([0.1, 0.2, 0.7], (len(table), 1)))
    found = of_sums(row_sums(*arrays(constant), BINS).sum(axis=0), BINS)
    assert [float(found[name]) for name in ("valence_r", "mcc", "accuracy")] == [0, 0, 1]
    assert found["macro_f1"] == pytest.approx(1 / 3)


def _weighted_f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return of_sums(sums, BINS)["weighted_f1"]


@pytest.mark.parametrize("domain", ["short", "long"])
def test_interval_agrees_with_scipys_paired_bootstrap(pair: tuple[pd.DataFrame, pd.DataFrame], domain: str) -> None:
    """Within a domain, the interval of a difference of weighted F1 is scipy's, up to the chance of 10,000 resamples."""
    tables = part(pair, domain)
    codes, documents = pd.factorize(tables[0]["document"])
    sums = [np.zeros((len(documents), 15 + BINS)) for _ in tables]
    for table, total in zip(tables, sums, strict=True):
        np.add.at(total, codes, row_sums(*arrays(table), BINS))

    def statistic(drawn: npt.NDArray[np.int_], axis: int = -1) -> npt.NDArray[np.float64]:
        base, candidate = (_weighted_f1(total[drawn].sum(axis=axis - 1 if axis < 0 else axis)) for total in sums)
        return candidate - base

    draws = paired(*tables, BINS, 10_000, 3)[domain]
    low, high = draws.interval("weighted_f1", 0.95)
    theirs = scipy.stats.bootstrap(
        (np.arange(len(documents)),),
        statistic,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        confidence_level=1 - 2 * tails(0.95, len(documents))[0],
        rng=np.random.default_rng(4),
    )
    # The error of two 2.5 % quantiles of 10,000 draws is 4 % of a standard error; four times that.
    tolerance = 0.15 * theirs.standard_error
    assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), abs=tolerance)
    assert draws.standard_error("weighted_f1") == pytest.approx(theirs.standard_error, rel=0.05)


def test_intervals_cover_the_truth_with_documents_as_clusters() -> None:
    """Over 600 simulated test sets of 60 documents, the 95 % intervals hold the true difference in 93 to 97 %."""
    generator = np.random.default_rng(11)
    population = truth(generator, {"news": 40_000})
    models = [predicted(population, generator, noise) for noise in (1.0, 1.3)]
    sums = [row_sums(*arrays(model), BINS) for model in models]
    true = {name: _difference(sums, name) for name in ("weighted_f1", "log_loss", "valence_r")}
    # Test sets are runs of 60 documents.
    bounds = np.flatnonzero(np.diff(pd.factorize(population["document"])[0] // 60)) + 1
    covered = dict.fromkeys(true, 0)
    parts = [np.arange(begin, end) for begin, end in zip([0, *bounds], [*bounds, len(population)], strict=True)]
    for number, rows in enumerate(parts[:600]):
        draws = paired(models[0].iloc[rows], models[1].iloc[rows], BINS, 1000, number)["news"]
        for name, value in true.items():
            low, high = draws.interval(name, 0.95)
            covered[name] += low <= value <= high
    assert {name: round(count / 600, 3) for name, count in covered.items() if not 0.93 <= count / 600 <= 0.97} == {}


def _difference(sums: list[npt.NDArray[np.float64]], name: str) -> float:
    base, candidate = (of_sums(total.sum(axis=0), BINS)[name] for total in sums)
    return float(candidate - base)


def test_documents_are_drawn_whole_and_alike_for_both_models() -> None:
    """A model compared with itself has no difference in any resample, and sentences of one document stay together."""
    table = predicted(truth(np.random.default_rng(2), {"a": 30}), np.random.default_rng(3), 1.0)
    for draws in paired(table, table, BINS, 200, 7).values():
        assert all((draws.differences[name] == 0).all() for name in METRICS)
    drawn = resample([table], BINS, 200, 7)[0].drawn["a"]
    sizes = {int(n) for n in table.groupby("document").size()}
    assert sizes != {1}
    assert drawn[:, :9].sum(axis=1).std() > 0, "with documents of several sizes, resamples differ in size"


def test_a_domains_interval_does_not_depend_on_other_domains(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """A seed gives a domain the same interval with and without the other domain, and another seed another one."""
    alone = part(pair, "long")
    together = paired(*pair, BINS, 2000, 1)["long"].interval("accuracy", 0.95)
    assert paired(*alone, BINS, 2000, 1)["long"].interval("accuracy", 0.95) == together
    assert paired(*alone, BINS, 2000, 2)["long"].interval("accuracy", 0.95) != together


def test_few_documents_widen_the_interval() -> None:
    """With few documents the quantiles go further out than the normal 2.5 %, with one there is no bound at all."""
    assert tails(0.95, 100_000)[0] == pytest.approx(0.025, abs=1e-4)
    assert tails(0.95, 51)[0] == pytest.approx(0.02125, abs=5e-5)
    assert tails(0.95, 10)[0] < 0.012
    assert tails(0.95, 1) == (0.0, 1.0)


def test_chunks_of_resamples_do_not_repeat(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Resamples past the first chunk are new draws."""
    found = differences(*resample(pair, BINS, 4500, 1))[OVERALL].differences["log_loss"]
    assert len(np.unique(found)) > 4400
