"""Tests of verdict/delivery/host/rules.py: against scipy, and against published figures."""

import numpy as np
import pytest
from scipy import stats

from verdict.base.intervals import share_difference, wilson
from verdict.delivery.host.rules import Counts, Limits, compare_labels, degraded, failing, surely_above


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("trials", [1, 5, 20, 400, 5_000])
def test_surely_above_is_the_exact_lower_bound(trials: int, limit: float) -> None:
    """It says so where the lower 99 % bound of Clopper and Pearson is above the limit, and nowhere else."""
    for hits in {0, 1, 2, 5, trials // 10, trials // 2, trials}:
        bound = stats.beta.ppf(0.01, hits, trials - hits + 1) if 0 < hits <= trials else 0.0
        if hits <= trials and abs(bound - limit) > 1e-9:
            assert surely_above(hits, trials, limit) == (bound > limit), (hits, trials, limit)


def test_a_release_within_its_limit_is_hardly_ever_stopped() -> None:
    """Looked at after every request, half the limit stops none of 200 releases, and five times the limit all."""
    draw = np.random.default_rng(0)
    for share, expected in ((0.005, 0), (0.05, 200)):
        stopped = 0
        for _ in range(200):
            failures = np.flatnonzero(draw.random(2_000) < share) + 1
            counts = (Counts(requests=int(at), failures=number) for number, at in enumerate(failures, 1))
            stopped += any(failing(found, Limits()) for found in counts)
        assert stopped == expected


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    """Of 56 of 70 and 48 of 80, the first example of his paper (1998), .0524 to .3339."""
    assert share_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert share_difference(48, 80, 56, 70) == pytest.approx((-0.3339, -0.0524), abs=5e-5)
    assert share_difference(0, 0, 5, 10) == (-1, 1)


def test_a_trial_has_three_words() -> None:
    """Better, worse, or no measurable difference."""
    sides = [Counts(labelled=1_000, right=right) for right in (800, 700, 790)]
    assert compare_labels(sides[0], sides[1]) == "better"
    assert compare_labels(sides[1], sides[0]) == "worse"
    assert compare_labels(sides[0], sides[2]) == "no measurable difference"


@pytest.mark.parametrize(("apart", "labels"), [(0.03, 3180), (0.02, 7160), (0.05, 1145)])
def test_how_many_labels_a_difference_needs(apart: float, labels: int) -> None:
    """At 76 % right, by the usual formula for two shares with a power of 80 %."""
    needed = 2 * 0.76 * (1 - 0.76) * ((1.959964 + 0.841621) / apart) ** 2
    assert labels == pytest.approx(needed, rel=0.002)


def test_wilsons_interval_is_the_published_one() -> None:
    """Of 81 of 263 at 95 %, as in Newcombe (1998), .2553 to .3662."""
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)


def came(right: int, of: int) -> Counts:
    """Labels that came back."""
    return Counts(labelled=of, right=right)


@pytest.mark.parametrize(
    ("live", "before", "floor", "told"),
    [
        (came(60, 100), came(90, 100), 0.0, "60 of 100 right, by labels that came back, beside 90 of 100"),
        (came(59, 99), came(90, 100), 0.0, ""),  # too few
        (came(60, 100), came(89, 99), 0.0, ""),
        (came(70, 100), came(80, 100), 0.0, ""),  # within chance
        (came(60, 100), Counts(), 0.8, "60 of 100 right, by labels that came back: surely below the floor of 80.0%"),
        (came(70, 100), Counts(), 0.8, ""),
        (came(60, 100), came(60, 100), 0.8, ""),  # what served before is no way out
    ],
)
def test_labels_take_a_release_back_that_is_surely_worse(live: Counts, before: Counts, floor: float, told: str) -> None:
    """Than what served before, or than the floor, if what served before was not below it as well; with 100 labels."""
    assert degraded(live, before, floor).startswith(told)
    assert bool(degraded(live, before, floor)) == bool(told)


def test_a_release_as_good_as_the_one_before_hardly_ever_comes_back() -> None:
    """Looked at after each label, 1,000 on each side: one as good comes back in 1 % at most, 15 points less always."""
    draw = np.random.default_rng(0)
    for less, least, most in ((0.0, 0, 2), (0.15, 200, 200)):
        back = 0
        for _ in range(200):
            new, old = (np.cumsum(draw.random(1_000) < 0.77 - apart) for apart in (less, 0.0))
            back += any(degraded(came(int(new[n]), n + 1), came(int(old[n]), n + 1), 0.0) for n in range(99, 1_000, 3))
        assert least <= back <= most
