"""How sure a ranking is: intervals that hold together, who is like the best, how the best of many flatters itself."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.review.predictions import predicted, truth
from verdict.classifier.scores.predictions import labels_of
from verdict.experiments.leaderboard.ranking import interval, selection_bias, to_best
from verdict.review.bootstrap import ModelDraws, bootstrap_models

SLICES = {"shop": 40, "forum": 40, "chat": 20}
REPETITIONS = 60


def tables(seed: int, noises: list[float]) -> list[pd.DataFrame]:
    """Models of these noises, on a validation set of their own."""
    generator = np.random.default_rng(seed)
    rows = truth(generator, SLICES, 3)
    return [predicted(rows, generator, noise) for noise in noises]


def resampled(tables: list[pd.DataFrame], resamples: int, seed: int) -> ModelDraws:
    """The models' macro F1."""
    return bootstrap_models(tables, labels_of(tables[0].columns), "macro_f1", resamples, seed)


@pytest.fixture(scope="module")
def equals() -> list[ModelDraws]:
    """Sixty times ten models that are equally good."""
    return [resampled(tables(seed, [1.0] * 10), 1000, 1) for seed in range(REPETITIONS)]


def test_equally_good_models_are_hardly_ever_told_apart(equals: list[ModelDraws]) -> None:
    """In 60 choices among ten equals one is called worse than the best in a twentieth of them, give or take."""
    wrong = 0
    for scores in equals:
        best = int(scores.points.argmax())
        wrong += not to_best(scores, best, 0.95).ties_best.all()
    assert wrong <= 8


def test_intervals_of_two_alone_would_be_too_narrow(equals: list[ModelDraws]) -> None:
    """The same choices with plain 95 % intervals against the best call somebody worse far more often."""
    wrong = 0
    for scores in equals:
        best = int(scores.points.argmax())
        moved = scores.draws - scores.draws[best]
        wrong += bool((np.quantile(moved, 0.975, axis=1) < 0).any())
    assert wrong >= 15


def test_an_interval_holds_the_true_score(equals: list[ModelDraws]) -> None:
    """Intervals of single scores hold the true one in about 95 % of the cases."""
    true = float(np.mean([scores.points for scores in equals]))
    bounds = [interval(scores, model, 0.95) for scores in equals for model in range(10)]
    assert 0.90 <= np.mean([low <= true <= high for low, high in bounds]) <= 0.99


def test_planted_models_are_marked_as_they_are() -> None:
    """A copy of the best is like it, by nothing; one that sees little is below, with an interval that excludes 0."""
    good, close, bad = tables(1, [0.6, 0.62, 3.0])
    scores = resampled([good, close, bad, good], 2000, 1)
    gaps = to_best(scores, 0, 0.95)
    assert gaps.ties_best.tolist() == [True, True, False, True]
    assert gaps.high[2] < 0
    assert (gaps.low[3], gaps.difference[3], gaps.high[3]) == (0, 0, 0)


def test_scores_do_not_depend_on_how_many_are_compared() -> None:
    """A model's score and its resamples are the same alone and among twenty."""
    many = tables(1, [1.0] * 20)
    alone, among = resampled(many[18:19], 1000, 1), resampled(many, 1000, 1)
    assert (alone.draws[0] == among.draws[18]).all()
    assert alone.points[0] == among.points[18]


def test_the_optimism_is_of_the_right_size(equals: list[ModelDraws]) -> None:
    """Among ten equals the winner's surplus over its true score lies between the estimate and the most, on average."""
    true = float(np.mean([scores.points for scores in equals]))
    surplus = float(np.mean([scores.points.max() for scores in equals])) - true
    told = [selection_bias(scores) for scores in equals]
    low, high = (float(np.mean([getattr(one, name) for one in told])) for name in ("estimate", "most"))
    assert 0.3 * surplus < low < surplus * 1.05
    assert surplus * 0.9 < high < surplus * 1.5
    assert all(0 < one.estimate <= one.most for one in told)


def test_a_clear_winner_does_not_flatter_itself() -> None:
    """Where one model is always first, picking it adds nothing to its score."""
    scores = resampled(tables(1, [0.3, 5.0]), 1000, 1)
    assert selection_bias(scores).estimate == pytest.approx(0, abs=1e-9)
    assert selection_bias(scores).most > 0.005
