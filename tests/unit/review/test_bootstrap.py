"""The bootstrap against scikit-learn's metrics, against scipy's bootstrap, and against simulated truth."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.unit.review.predictions import LABELS, of_classes, of_two, predicted, truth, with_probabilities
from verdict.classifier.params.metric_names import OVERALL, metrics_of
from verdict.classifier.scores.metrics import Sums
from verdict.classifier.scores.predictions import metrics_by_slice, scored_rows
from verdict.review import resampling
from verdict.review.bootstrap import Draws, ResamplingSettings, bootstrap_models, interval_quantiles, paired_bootstrap
from verdict.review.resampling import Clusters, Resampling

BINS = 10
METRICS = metrics_of(3, rated=True)
LAYOUT = Sums(LABELS, BINS, rated=True)
Floats = npt.NDArray[np.float64]


def drawn(
    base: pd.DataFrame, candidate: pd.DataFrame, resamples: int, seed: int, metrics: Sequence[str] = METRICS
) -> dict[str, Draws]:
    """Two models of three classes, resampled together."""
    return paired_bootstrap(base, candidate, LABELS, ResamplingSettings(BINS, resamples, seed, lambda _: metrics))


def sums_of(table: pd.DataFrame) -> Floats:
    """Dense matrix of the terms that each row adds to the sums."""
    columns, values = LAYOUT.of_rows(scored_rows(table, LABELS, "table"))
    result = np.zeros((len(table), LAYOUT.width))
    np.put_along_axis(result, columns, values, axis=1)
    return result


@pytest.fixture(scope="module")
def pair() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models' predictions for two slices: one with many groups of one row, one with few large ones."""
    generator = np.random.default_rng(5)
    table = pd.concat([truth(generator, {"short": 300}, 1), truth(generator, {"long": 40}, 9)], ignore_index=True)
    return predicted(table, generator, 1.0), predicted(table, generator, 1.2)


def part(pair: tuple[pd.DataFrame, pd.DataFrame], name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both models' predictions for one slice."""
    base, candidate = (table[table["slice"] == name] for table in pair)
    return base, candidate


def test_metrics_are_those_of_the_metrics_file(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Each metric is the one that evaluate writes, overall and in each slice."""
    for name, draws in drawn(*pair, 10, 1).items():
        expected = metrics_by_slice(pair[1], LABELS, BINS)[name]
        assert draws.candidate == {metric: expected[metric] for metric in METRICS}
        assert draws.rows == expected["n"]


def test_a_resample_is_the_metrics_of_the_rows_that_it_drew(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Every metric of a resample is that of a table in which each row stands as often as its group was drawn."""
    metrics = [*METRICS, "recall:low", "f1:high"]
    draws, clusters = drawn(*pair, 3, 1, metrics), Clusters.of(pair[0], 1)
    (counts,) = clusters.counts(3, 3)
    for number, times in enumerate(counts[:, clusters.group_of_row].astype(int)):
        old, new = (metrics_by_slice(side.loc[side.index.repeat(times)], LABELS, BINS) for side in pair)
        for name, result in draws.items():
            got = {metric: values[number] for metric, values in result.differences.items()}
            assert got == pytest.approx({metric: new[name][metric] - old[name][metric] for metric in metrics}, abs=1e-9)


def test_areas_under_curves_are_scikit_learns_on_each_resample(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Of two classes, ROC AUC and average precision are those of the rows as often as they were drawn, ties or not."""
    tables = [of_two(side).round(2) for side in pair]
    metrics = ("roc_auc", "average_precision")
    result = paired_bootstrap(tables[0], tables[1], ("other", "high"), ResamplingSettings(1, 3, 1, lambda _: metrics))
    clusters = Clusters.of(tables[0], 1)
    (counts,) = clusters.counts(3, 3)
    for name, draws in result.items():
        inside = np.full(len(tables[0]), True) if name == OVERALL else (tables[0]["slice"] == name).to_numpy()
        for number, times in enumerate(counts[:, clusters.group_of_row[inside]]):
            for metric, of in zip(metrics, (roc_auc_score, average_precision_score), strict=True):
                old, new = (
                    of(side["label"][inside] == "high", side["high"][inside], sample_weight=times) for side in tables
                )
                assert draws.differences[metric][number] == pytest.approx(new - old)


def test_one_class_predicted_and_constant_rating_give_zeros() -> None:
    """Where a correlation or F1 is undefined, it is 0, as in the metrics file."""
    table = truth(np.random.default_rng(1), {"a": 5}).assign(rating=1.0, label=LABELS[2])
    constant = with_probabilities(table, np.tile([0.1, 0.2, 0.7], (len(table), 1)))
    result = drawn(constant, constant, 5, 1)["a"].base
    assert [result[name] for name in ("rating_r", "mcc", "accuracy")] == [0, 0, 1]
    assert result["macro_f1"] == pytest.approx(1 / 3)


def _weighted_f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return LAYOUT.metrics(sums)["weighted_f1"]


@pytest.mark.parametrize("name", ["short", "long"])
def test_interval_agrees_with_scipys_paired_bootstrap(pair: tuple[pd.DataFrame, pd.DataFrame], name: str) -> None:
    """Within a slice, the interval of a difference of weighted F1 is scipy's, up to the chance of 10,000 resamples."""
    tables = part(pair, name)
    codes, groups = pd.factorize(tables[0]["group"])
    sums = [np.zeros((len(groups), LAYOUT.width)) for _ in tables]
    for table, total in zip(tables, sums, strict=True):
        np.add.at(total, codes, sums_of(table))

    def statistic(drawn: npt.NDArray[np.int_], axis: int = -1) -> npt.NDArray[np.float64]:
        base, candidate = (_weighted_f1(total[drawn].sum(axis=axis - 1 if axis < 0 else axis)) for total in sums)
        return candidate - base

    draws = drawn(*tables, 10_000, 3)[name]
    low, high = draws.interval("weighted_f1", 0.95)
    by_scipy = scipy.stats.bootstrap(
        (np.arange(len(groups)),),
        statistic,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        confidence_level=1 - 2 * interval_quantiles(0.95, len(groups))[0],
        rng=np.random.default_rng(4),
    )
    # The error of two 2.5 % quantiles of 10,000 draws is 4 % of a standard error; four times that.
    tolerance = 0.15 * by_scipy.standard_error
    assert (low, high) == pytest.approx(tuple(by_scipy.confidence_interval), abs=tolerance)
    assert draws.standard_error("weighted_f1") == pytest.approx(by_scipy.standard_error, rel=0.05)


def test_intervals_cover_the_truth_with_groups_as_clusters() -> None:
    """Over 600 simulated test sets of 60 groups, the 95 % intervals hold the true difference in 93 to 97 %."""
    generator = np.random.default_rng(11)
    population = truth(generator, {"a": 40_000})
    models = [predicted(population, generator, noise) for noise in (1.0, 1.3)]
    metrics = ("weighted_f1", "log_loss", "rating_r")
    ends = [metrics_by_slice(model, LABELS, BINS)[OVERALL] for model in models]
    true = {name: ends[1][name] - ends[0][name] for name in metrics}
    # Test sets are runs of 60 groups.
    bounds = np.flatnonzero(np.diff(pd.factorize(population["group"])[0] // 60)) + 1
    covered = dict.fromkeys(true, 0)
    parts = [np.arange(begin, end) for begin, end in zip([0, *bounds], [*bounds, len(population)], strict=True)]
    for number, rows in enumerate(parts[:600]):
        draws = drawn(models[0].iloc[rows], models[1].iloc[rows], 1000, number, metrics)["a"]
        for name, value in true.items():
            low, high = draws.interval(name, 0.95)
            covered[name] += low <= value <= high
    assert {name: round(count / 600, 3) for name, count in covered.items() if not 0.93 <= count / 600 <= 0.97} == {}


def test_groups_are_drawn_whole_and_alike_for_both_models() -> None:
    """A model compared with itself has no difference in any resample, and rows of one group stay together."""
    table = predicted(truth(np.random.default_rng(2), {"a": 30}), np.random.default_rng(3), 1.0)
    for draws in drawn(table, table, 200, 7).values():
        assert all((draws.differences[name] == 0).all() for name in METRICS)
    clusters = Clusters.of(table, 7)
    (counts,) = clusters.counts(200, 200)
    assert (counts.sum(axis=1) == 30).all()
    assert counts[:, clusters.group_of_row].sum(axis=1).std() > 0, (
        "with groups of several sizes, resamples differ in size"
    )


def test_a_slices_interval_does_not_depend_on_other_slices(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """A seed gives a slice the same interval with and without the other slice, and another seed another one."""
    alone = part(pair, "long")
    together = drawn(*pair, 2000, 1)["long"].interval("accuracy", 0.95)
    assert drawn(*alone, 2000, 1)["long"].interval("accuracy", 0.95) == together
    assert drawn(*alone, 2000, 2)["long"].interval("accuracy", 0.95) != together


def test_the_draws_of_a_seed_stay_what_they_are() -> None:
    """A slice's resamples come from a generator of the seed and its name; without slices, from one of the seed."""
    table = truth(np.random.default_rng(2), {"a": 7, "bé": 5})
    (counts,) = Clusters.of(table, 3).counts(50, 50)
    expected = [
        np.random.default_rng([3, *name.encode()]).integers(n, size=(50, n)) for name, n in (("a", 7), ("bé", 5))
    ]
    for part_, places in zip((counts[:, :7], counts[:, 7:]), expected, strict=True):
        assert (part_ == [np.bincount(row, minlength=part_.shape[1]) for row in places]).all()
    (counts,) = Clusters.of(table.drop(columns="slice"), 3).counts(50, 50)
    places = np.random.default_rng([3]).integers(12, size=(50, 12))
    assert (counts == [np.bincount(row, minlength=12) for row in places]).all()


def test_a_group_of_several_slices_is_drawn_as_one() -> None:
    """It is in a stratum with all others of several slices: as often in one slice as in the other."""
    table = truth(np.random.default_rng(2), {"a": 20, "b": 20}, 1)
    both = pd.concat([table, table.head(5).assign(slice="b", id=list("vwxyz"))], ignore_index=True)
    clusters = Clusters.of(both, 1)
    assert [size for _, size in clusters.strata] == [5, 15, 20]
    assert [seed for seed, _ in clusters.strata] == [(1,), (1, ord("a")), (1, ord("b"))]
    (counts,) = clusters.counts(100, 100)
    shared = clusters.group_of_row[both["group"].isin(table["group"].head(5))]
    assert (counts[:, shared[:5]] == counts[:, shared[5:]]).all()
    assert (counts[:, shared[:5]].sum(axis=1) == 5).all()
    models = [predicted(both, np.random.default_rng(4), noise) for noise in (0.5, 1.5)]
    result = drawn(models[0], models[1], 500, 1, ["accuracy"])
    assert [(one.groups, one.rows, one.strata) for one in result.values()] == [(40, 45, 3), (20, 20, 2), (25, 25, 2)]


@pytest.mark.parametrize("slices", [2, 6, 30])
def test_groups_across_slices_vary_as_much_as_without(slices: int) -> None:
    """Authors who write on many topics: the error overall is that of a bootstrap of the authors, not a part of it."""
    draw = np.random.default_rng(5)
    table = truth(draw, {"a": 60}, 8)
    crossed = table.assign(slice=[f"s{one}" for one in draw.integers(slices, size=len(table))])
    errors = []
    for rows in (table, crossed):
        models = [predicted(rows, np.random.default_rng(4), noise) for noise in (0.5, 1.5)]
        result = drawn(models[0], models[1], 4000, 1, ["accuracy"])
        errors.append(result["overall"].standard_error("accuracy"))
        assert all(np.isfinite(one.interval("accuracy", 0.95)).all() for one in result.values())
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def test_few_groups_widen_the_interval() -> None:
    """With few groups the quantiles go further out than the normal 2.5 %, with one there is no bound at all."""
    assert interval_quantiles(0.95, 100_000)[0] == pytest.approx(0.025, abs=1e-4)
    assert interval_quantiles(0.95, 51)[0] == pytest.approx(0.02125, abs=5e-5)
    assert interval_quantiles(0.95, 10)[0] < 0.012
    assert interval_quantiles(0.95, 1) == (0.0, 1.0)


def test_how_the_work_is_cut_changes_nothing(
    pair: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small chunks draw the same resamples as one large one, and none of them twice."""
    whole = drawn(*pair, 1500, 1)[OVERALL].differences
    monkeypatch.setattr(resampling, "_CHUNK", 700_000)
    monkeypatch.setattr(resampling, "_CACHED", 20_000)
    cut = drawn(*pair, 1500, 1)[OVERALL].differences
    assert all(cut[name] == pytest.approx(whole[name], abs=1e-12) for name in METRICS)
    assert len(np.unique(cut["log_loss"])) > 1450


def test_a_chunk_is_bounded_by_bytes_whatever_rows_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the rows, or the classes, make chunks of fewer resamples, and no array is larger than the budget."""
    monkeypatch.setattr(resampling, "_CHUNK", 1_000_000)
    sizes = {}
    for rows, classes in ((200, 2), (2000, 2), (200, 200)):
        labels = tuple(f"l{number:03}" for number in range(classes))
        tables = [of_classes(np.random.default_rng(seed), rows, labels) for seed in (1, 2)]
        sampler = Resampling(tables, labels, BINS, 1, lambda _: ["weighted_f1"])
        places = [place for place, *_ in sampler.draw(1000)]
        sizes[rows, classes] = places[0].stop
        assert sum(place.stop - place.start for place in places) == 1000
        assert sizes[rows, classes] * (16 * rows + 64 * 2 * Sums(labels, BINS, rated=False).width) <= 1_000_000
    assert sizes[2000, 2] < sizes[200, 2] > sizes[200, 200]


def test_models_share_their_resamples_however_many_there_are(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Twenty models are scored on the resamples of a pair; a metric of one class is scored like any other."""
    scores = bootstrap_models([pair[0]] * 19 + [pair[1]], LABELS, "recall:low", 300, 1)
    assert scores.draws.shape == (20, 300)
    assert (scores.draws[:19] == scores.draws[0]).all()
    expected = drawn(*pair, 300, 1, ["recall:low"])[OVERALL]
    assert scores.draws[19] - scores.draws[0] == pytest.approx(expected.differences["recall:low"], abs=1e-12)
    assert scores.points[[0, 19]].tolist() == [expected.base["recall:low"], expected.candidate["recall:low"]]
    assert scores.groups == expected.groups == pair[0]["group"].nunique()
