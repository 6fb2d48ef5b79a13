"""Tests of verdict/classifier/training/loop.py: how much each row counts for each class."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm
from sklearn.utils.class_weight import compute_class_weight

from tests.unit.classifier.made_up_rows import THREE
from tests.unit.classifier.test_models import KINDS, data, fit, settings
from verdict.base.errors import VerdictError
from verdict.classifier.params import Params
from verdict.classifier.training.loop import TrainingData, targets

RATED = TrainingData(sp.csr_matrix((3, 1)), THREE, np.array([2, 0, 1]), np.array([4.0, -0.1, 0.0]), reach=4.0)


def test_targets_soften_where_a_rating_is_near_the_middle(params: Params) -> None:
    """Far from the middle a row counts for its class alone, near it for both ends, and within the band for its own."""
    wanted = targets(RATED, settings(params, "linear", rating_noise=0.6))
    assert wanted[0] == pytest.approx([0, 0, 1], abs=1e-6)
    assert wanted[1].tolist() == pytest.approx([norm.cdf(0.1 / 0.6), 0, norm.cdf(-0.1 / 0.6)])
    assert wanted[2].tolist() == [0, 1, 0]


def test_targets_of_two_classes_of_a_rating_share_each_row(params: Params) -> None:
    """Without a band in between every row counts for both, more for the one on whose side it is."""
    rows = TrainingData(
        sp.csr_matrix((3, 1)), ("bad", "good"), np.array([0, 1, 0]), np.array([-0.3, 0.3, 0.0]), reach=2.0
    )
    wanted = targets(rows, settings(params, "linear", rating_noise=0.6))
    above = norm.cdf(0.5)
    assert wanted == pytest.approx(np.array([[above, 1 - above], [1 - above, above], [0.5, 0.5]]))


@pytest.mark.parametrize("rated", [True, False], ids=["without-noise", "without-rating"])
def test_targets_are_hard_without_noise_or_rating(params: Params, rated: bool) -> None:
    """Where nothing softens them each row counts once, for its class."""
    rows = RATED if rated else replace(RATED, rating=None)
    train = settings(params, "linear", rating_noise=None if rated else 0.6)
    assert targets(rows, train).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_classes_count_as_they_are_named(params: Params) -> None:
    """A class that is named counts so much, those that are not count once; soft targets are weighed, too."""
    train = settings(params, "linear", rating_noise=0.6, class_weight={"middle": 2.0, "low": 3.0})
    plain = targets(RATED, settings(params, "linear", rating_noise=0.6))
    assert targets(RATED, train) == pytest.approx(plain * [3, 2, 1])


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_balanced_classes_are_those_of_scikit_learn(params: Params, classes: int) -> None:
    """Each class counts as much as any other, all together as many as there are rows."""
    rows = data(3 * classes + 50, classes=classes)
    expected = compute_class_weight("balanced", classes=np.arange(classes), y=rows.actual)
    wanted = targets(rows, settings(params, "linear", class_weight="balanced"))
    assert wanted.sum(axis=1) == pytest.approx(expected[rows.actual])
    assert wanted.sum(axis=0) == pytest.approx(np.full(classes, len(rows.actual) / classes))


def test_balanced_classes_heed_the_weights_of_rows(params: Params) -> None:
    """What counts alike are the classes' weights, not their numbers of rows; a row without weight does not count."""
    rows = replace(data(60, classes=10), weight=np.arange(60.0))
    wanted = targets(rows, settings(params, "linear", class_weight="balanced"))
    assert wanted.sum(axis=0) == pytest.approx(np.full(10, np.arange(60).sum() / 10))
    assert wanted[0].tolist() == [0] * 10


def test_rows_count_by_their_weight(params: Params) -> None:
    """A row's weight multiplies whatever it counts."""
    weight = np.array([0.5, 2.0, 0.0])
    train = settings(params, "linear", rating_noise=0.6, class_weight={"low": 3.0})
    assert targets(replace(RATED, weight=weight), train) == pytest.approx(targets(RATED, train) * weight[:, None])


def test_a_class_that_is_none_has_no_weight(params: Params) -> None:
    """A name that no class has is refused with those that there are: a typo would go unheeded."""
    with pytest.raises(VerdictError, match=r"no such class: hgih, lwo; there is low, middle, high"):
        targets(RATED, settings(params, "linear", class_weight={"lwo": 2.0, "hgih": 1.0, "low": 1.0}))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_weight_are_as_if_they_were_not_there(params: Params, kind: str) -> None:
    """What is learnt of a class lies in the rows that count: mislabelled ones of weight 0 do no harm."""
    rows = data(400, classes=2)
    wrong = np.arange(400) % 4 > 0
    spoilt = replace(rows, actual=np.where(wrong, 1 - rows.actual, rows.actual))
    bag = params.train.bag.model_copy(update={"epochs": 30, "batch_size": 16, "learning_rate": 0.03})
    validation = replace(data(50, seed=1, classes=2), weight=np.ones(50))
    new, shares = data(200, seed=2, classes=2), []
    for weight in (np.ones(400), np.where(wrong, 0.0, 1.0)):
        fitted = fit(settings(params, kind, bag=bag), replace(spoilt, weight=weight), validation)
        shares.append((fitted.model.probabilities(new.features).argmax(axis=1) == new.actual).mean())
    assert shares[0] < 0.5
    assert shares[1] > 0.95


@pytest.mark.parametrize("weight", [0.004, 1000.0])
@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_left_out_for_the_scale_of_its_weight(params: Params, kind: str, weight: float) -> None:
    """Where all rows count little or much alike, all of them are still learnt from."""
    rows = replace(data(300), weight=np.full(300, weight))
    bag = params.train.bag.model_copy(update={"epochs": 30, "batch_size": 16, "learning_rate": 0.03})
    fitted = fit(settings(params, kind, bag=bag), rows, data(50, seed=1))
    new = data(200, seed=2)
    assert (fitted.model.probabilities(new.features).argmax(axis=1) == new.actual).mean() > 0.9


def test_a_common_class_stays_when_many_rare_ones_are_balanced(params: Params) -> None:
    """Of 120 classes one with nearly all rows counts less than 0.01 for each of them, and is learnt."""
    rows = data(2000, classes=120)
    dense, common = rows.features.toarray(), np.arange(2000) >= 120
    dense[common, :120] = np.random.default_rng(1).random((1880, 120))
    dense[common, 0] += 2
    skewed = replace(rows, features=sp.csr_matrix(dense.astype(np.float32)), actual=np.where(common, 0, rows.actual))
    linear = params.train.linear.model_copy(update={"epochs": 2})
    train = settings(params, "linear", class_weight="balanced", linear=linear)
    assert targets(skewed, train)[-1].max() < 0.01
    probabilities = fit(train, skewed, data(200, seed=1, classes=120)).model.probabilities(skewed.features)
    assert (probabilities.argmax(axis=1) == 0).mean() > 0.5


def test_rows_of_two_splits_keep_what_they_have(params: Params) -> None:
    """Joined, rows keep class, rating and weight, in order; without ratings or weights there are none."""
    first, second = (replace(data(20, seed=seed, rated=True), weight=np.full(20, 1.0 + seed)) for seed in (0, 1))
    both = first.concatenate(second)
    assert both.features.shape == (40, 8)
    assert (both.actual == np.concatenate([first.actual, second.actual])).all()
    assert both.rating is not None
    assert first.rating is not None
    assert second.rating is not None
    assert both.rating.tolist() == [*first.rating, *second.rating]
    assert both.weight is not None
    assert both.weight.tolist() == [1.0] * 20 + [2.0] * 20
    assert (both.reach, both.labels) == (4.0, THREE)
    bare = data(20).concatenate(data(20))
    assert bare.rating is None
    assert bare.weight is None
