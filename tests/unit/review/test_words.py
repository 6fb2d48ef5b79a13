"""Figures in words: no sign at 0, no p-value of 0, and a limit that can be told from the figure beside it."""

import pytest

from tests.conftest import small_params
from verdict.classifier.params.metric_names import metrics_of
from verdict.review.compare import SAME, UNDEFINED, WORSE, Difference
from verdict.review.params import Gate
from verdict.review.rules.model_rules import floors, worse
from verdict.review.words import (
    claim,
    counted,
    figure,
    figure_beside,
    first_few,
    p_value_text,
    short_name,
    signed,
    title,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0.0000"), (-0.0, "0.0000"), (-4e-5, "0.0000"), (4e-5, "0.0000"), (-6e-5, "−0.0001"), (0.5, "+0.5000")],
)
def test_nothing_has_no_sign(value: float, expected: str) -> None:
    """A difference that four digits show as 0 has no sign, nor has a figure; others keep theirs."""
    assert signed(value) == expected
    assert figure(value) == expected.removeprefix("+")


def test_a_p_value_is_never_0() -> None:
    """A p-value below the last digit is told as less than it; others with two digits."""
    assert [p_value_text(p) for p in (0.0, 9e-5, 0.0123, 1.0)] == ["p < 0.0001", "p < 0.0001", "p = 0.012", "p = 1"]


def test_a_figure_is_told_from_its_limit() -> None:
    """A figure that would be rounded onto its limit gets more digits; the limit itself and others do not."""
    expected = [figure_beside(value, 0.74) for value in (0.73996, 0.7399999, 0.74, 0.7, 0.75)]
    assert expected == ["0.73996", "0.7399999", "0.7400", "0.7000", "0.7500"]
    assert figure_beside(20.04, 20.0, 1) == "20.04"


def test_one_is_no_plural_and_many_are_cut() -> None:
    """One has no plural; of more than fit the first are named, and the number of the rest."""
    assert (counted(1, "row"), counted(2000, "row")) == ("1 row", "2,000 rows")
    assert first_few(list("abcd")) == "a, b, c, d"
    assert first_few(list("abcde")) == "a, b, c and 2 more"


def test_a_word_on_one_metric_is_none_on_the_others() -> None:
    """Where weighted F1 moved in a slice alone and log loss overall, "no difference" is said of weighted F1 only."""
    outcome = {(group, metric): SAME for group in ("overall", "news") for metric in metrics_of(3, rated=True)}
    outcome["news", "weighted_f1"] = WORSE
    assert claim(outcome, ["overall", "news"], "weighted_f1") == "no measurable difference overall; worse in news"
    outcome["overall", "log_loss"] = WORSE
    expected = "no measurable difference overall in weighted F1; worse in news; worse in log loss"
    assert claim(outcome, ["overall", "news"], "weighted_f1") == expected


def policy(**changes: object) -> Gate:
    """The repository's policy with changes."""
    return Gate.model_validate({**small_params()["gate"], **changes})


def line(metric: str, verdict: str) -> Difference:
    """A difference with this metric and verdict."""
    low, high = (-0.2, -0.1) if verdict == WORSE else (-0.1, 0.1)
    return Difference("news", metric, 0.5, 0.5, (low + high) / 2, low, high, 0.99, verdict)


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
    gate_policy = policy(fail_on_worse={"news": ["rating_r"]})
    (rule,) = worse(
        gate_policy, lambda _, metric: [line(metric, verdict) for verdict in verdicts], "mcc", ["overall"], unchanged
    )
    assert (rule.name, rule.passed) == ("worse:news:rating_r", passed)
    assert rule.brief or passed
    if verdicts[:1] == (UNDEFINED,):
        assert rule.finding.startswith("correlation with the rating has no value there: the truth")


def test_a_floor_that_is_missed_by_little_shows_it() -> None:
    """0.73996 is not told as 0.7400, at least 0.74; and main's very model may be below."""
    gate_policy = policy(floors={"overall": 0.74})
    figures = {"overall": {"mcc": 0.73996}}
    (failed,) = floors(gate_policy, figures, lambda *_: [], "mcc", lambda *_: False)
    assert (failed.passed, failed.brief) == (False, "0.73996, at least 0.74")
    (excused,) = floors(gate_policy, figures, lambda *_: [], "mcc", lambda *_: True)
    assert (excused.passed, excused.finding) == (True, "0.73996, below the floor, but so on main")


def test_a_metric_of_one_class_is_named_with_it() -> None:
    """Of all classes a metric has its own name; of one, the class's, in one short line whatever it is."""
    assert [title(name) for name in ("mcc", "recall:spam", "f1:a:b")] == ["MCC", "recall of spam", "F1 of a:b"]
    assert title("precision:" + "x\n" * 900) == "precision of " + "x " * 19 + "x…"
    assert [short_name(name) for name in ("", " ", "\x00")] == ["''", "' '", "�"]


def test_many_slices_are_named_in_short() -> None:
    """Of more slices than a line holds, and of more metrics, the first are named and the rest counted."""
    groups = ["overall", *(f"s{number}" for number in range(30))]
    outcome = {(group, metric): SAME for group in groups for metric in metrics_of(3, rated=True)}
    for number in range(20):
        outcome[f"s{number}", "weighted_f1"] = outcome[f"s{number + 5}", "mcc"] = WORSE
    expected = claim(outcome, groups, "weighted_f1")
    assert expected == (
        "no measurable difference overall in weighted F1; worse in s0, s1, s2, s3, s4, s5, s6 and 13 more;"
        " worse in MCC (s20, s21, s22 and 2 more)"
    )


def test_a_loss_that_may_be_passes_and_is_said_so() -> None:
    """Within the tolerance a measurable loss passes, and the rule tells the tolerance and the loss."""
    gate_policy = policy(fail_on_worse={"news": ["mcc"]}, tolerance=0.02)
    lost = Difference("news", "mcc", 0.52, 0.5, -0.02, -0.03, -0.01, 0.99, WORSE)
    (rule,) = worse(gate_policy, lambda *_: [lost], "mcc", ["overall", "news"], False)
    assert (rule.name, rule.passed) == ("worse:news", True)
    assert rule.requirement == (
        "MCC in news is not measurably worse by more than 0.02 (gate.tolerance: all of the interval is below −0.02)"
    )
    assert rule.finding.endswith(": worse, by no more than may be")
    (failed,) = worse(policy(fail_on_worse={"news": ["mcc"]}), lambda *_: [lost], "mcc", ["overall"], False)
    assert (failed.passed, failed.requirement) == (False, "MCC in news is not measurably worse")


def test_a_group_that_is_none_is_told_with_those_that_are() -> None:
    """A slice without a row fails the change, and the rule says which slices there are."""
    gate_policy = policy(fail_on_worse={"gone": ["mcc"]}, floors={"gone": 0.5})
    (rule,) = worse(gate_policy, lambda *_: [], "mcc", ["overall", "a", "b"], False)
    assert (rule.passed, rule.finding) == (False, "no test row of it; there is overall, a, b")
    (rule,) = floors(gate_policy, {"overall": {"mcc": 0.9}}, lambda *_: [], "mcc", lambda *_: False)
    assert (rule.passed, rule.finding) == (False, "no figure for it")


@pytest.mark.parametrize("none", [None, {}])
@pytest.mark.parametrize(
    ("value", "rows", "proposed"),
    [(0.8721, 5000, "0.86"), (0.8721, 500, "0.84"), (0.02, 50, "0"), (1.0, 9, "0.66"), (1.0, 500, "0.99")],
)
def test_where_there_is_no_floor_one_is_proposed(none: object, value: float, rows: int, proposed: str) -> None:
    """It passes, and proposes two standard errors (and 3/n) below what was measured, rounded down to two digits."""
    figures = {"overall": {"macro_f1": value, "n": rows}}
    (rule,) = floors(policy(floors=none), figures, lambda *_: [], "macro_f1", lambda *_: False)
    assert (rule.name, rule.passed) == ("floors", True)
    expected = f"no floor yet: macro F1 {value:.4f} measured; consider gate.floors: {{overall: {proposed}}}"
    assert rule.finding == expected


@pytest.mark.parametrize(
    ("metric", "proposed"),
    [("average_precision", "0.05"), ("roc_auc", "0.05"), ("macro_f1", "0.17"), ("accuracy", "0.27")],
)
def test_a_proposed_floor_counts_the_rows_of_a_rare_class(metric: str, proposed: str) -> None:
    """Of 1,750 rows and 14 positive ones, a metric about the positive ones is as uncertain as a share of 14."""
    values = {metric: 0.3, "n": 1764, "support:no": 1750, "support:yes": 14}
    (rule,) = floors(policy(floors={}), {"overall": values}, lambda *_: [], metric, lambda *_: False)
    assert rule.finding.endswith(f"consider gate.floors: {{overall: {proposed}}}")


def test_a_class_can_have_a_floor() -> None:
    """The recall of one class is held to its floor, beside the headline metric; without its rows there is no figure."""
    gate_policy = policy(floors={"overall": {"headline": 0.7, "recall:spam": 0.9}})
    values = {"mcc": 0.75, "recall:spam": 0.85, "support:spam": 3}
    outcome = list(floors(gate_policy, {"overall": values}, lambda *_: [], "mcc", lambda *_: False))
    assert [(rule.name, rule.passed) for rule in outcome] == [
        ("floor:overall", True),
        ("floor:overall:recall:spam", False),
    ]
    assert outcome[1].requirement == "recall of spam overall is at least 0.9"
    gone = {"overall": {**values, "support:spam": 0}}
    assert list(floors(gate_policy, gone, lambda *_: [], "mcc", lambda *_: False))[1].finding == "no figure for it"
