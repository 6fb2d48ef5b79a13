"""Figures in words: no sign at 0, no p-value of 0, and a limit that can be told from the figure beside it."""

import pytest

from tests.conftest import small_params
from verdict.classifier.scores.metric_names import METRICS
from verdict.review.compare import SAME, UNDEFINED, WORSE, Difference
from verdict.review.params import Gate
from verdict.review.rules.model import floors, worse
from verdict.review.words import beside, claim, counted, figure, in_short, odds, signed


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0.0000"), (-0.0, "0.0000"), (-4e-5, "0.0000"), (4e-5, "0.0000"), (-6e-5, "−0.0001"), (0.5, "+0.5000")],
)
def test_nothing_has_no_sign(value: float, told: str) -> None:
    """A difference that four digits show as 0 has no sign, nor has a figure; others keep theirs."""
    assert signed(value) == told
    assert figure(value) == told.removeprefix("+")


def test_a_p_value_is_never_0() -> None:
    """A p-value below the last digit is told as less than it; others with two digits."""
    assert [odds(p) for p in (0.0, 9e-5, 0.0123, 1.0)] == ["p < 0.0001", "p < 0.0001", "p = 0.012", "p = 1"]


def test_a_figure_is_told_from_its_limit() -> None:
    """A figure that would be rounded onto its limit gets more digits; the limit itself and others do not."""
    told = [beside(value, 0.74) for value in (0.73996, 0.7399999, 0.74, 0.7, 0.75)]
    assert told == ["0.73996", "0.7399999", "0.7400", "0.7000", "0.7500"]
    assert beside(20.04, 20.0, 1) == "20.04"


def test_one_is_no_plural_and_many_are_cut() -> None:
    """One has no plural; of more than fit the first are named, and the number of the rest."""
    assert (counted(1, "sentence"), counted(2000, "sentence")) == ("1 sentence", "2,000 sentences")
    assert in_short(list("abcd")) == "a, b, c, d"
    assert in_short(list("abcde")) == "a, b, c and 2 more"


def test_a_word_on_one_metric_is_none_on_the_others() -> None:
    """Where weighted F1 moved in a domain alone and log loss overall, "no difference" is said of weighted F1 only."""
    found = {(group, metric): SAME for group in ("overall", "news") for metric in METRICS}
    found["news", "weighted_f1"] = WORSE
    assert claim(found, ["overall", "news"]) == "no measurable difference overall; worse in news"
    found["overall", "log_loss"] = WORSE
    told = "no measurable difference overall in weighted F1; worse in news; worse in log loss"
    assert claim(found, ["overall", "news"]) == told


def policy(**changes: object) -> Gate:
    """The repository's policy with changes."""
    return Gate.model_validate({**small_params()["gate"], **changes})


def line(metric: str, verdict: str) -> Difference:
    """Such a finding."""
    return Difference("news", metric, 0.5, 0.5, 0.0, 0.0, 0.0, 0.99, verdict)


@pytest.mark.parametrize(
    ("verdicts", "unchanged", "passed"),
    [
        ((SAME,), False, True),
        ((WORSE,), False, False),
        ((SAME, WORSE), False, False),
        ((UNDEFINED,), False, False),
        ((UNDEFINED,), True, True),
        ((SAME, UNDEFINED), False, True),
        ((), False, False),
    ],
)
def test_a_metric_without_a_value_is_no_pass(verdicts: tuple[str, ...], unchanged: bool, passed: bool) -> None:
    """Where the policy names a metric that has no value, a change fails and is told so, unless it is main's model."""
    asked = policy(fail_on_worse={"news": ["valence_r"]})
    (rule,) = worse(asked, lambda _, metric: [line(metric, verdict) for verdict in verdicts], unchanged)
    assert (rule.name, rule.passed) == ("worse:news:valence_r", passed)
    assert rule.brief or passed
    if verdicts[:1] == (UNDEFINED,):
        assert rule.found.startswith("correlation with the valence has no value there")


def test_a_floor_that_is_missed_by_little_shows_it() -> None:
    """0.73996 is not told as 0.7400, at least 0.74; and main's very model may be below."""
    asked = policy(floors={"overall": 0.74})
    figures = {"overall": {"weighted_f1": 0.73996}}
    (failed,) = floors(asked, figures, lambda *_: [], lambda *_: False)
    assert (failed.passed, failed.brief) == (False, "0.73996, at least 0.74")
    (excused,) = floors(asked, figures, lambda *_: [], lambda *_: True)
    assert (excused.passed, excused.found) == (True, "0.73996, below the floor, but so on main")
