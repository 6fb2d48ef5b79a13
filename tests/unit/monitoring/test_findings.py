"""Tests of verdict/monitoring/findings.py: what a window says, beside its limits."""

import re
from pathlib import Path

import pytest

from tests.documents import save
from tests.unit.monitoring.services import usual_window, window, with_foreign_words
from tests.unit.monitoring.tables import texts
from verdict.classifier.params.metric_names import HEADLINE
from verdict.cli.drift import _floor
from verdict.monitoring.findings import KINDS, Measurement, measure
from verdict.monitoring.reference import Reference


def over(found: Measurement) -> set[str]:
    """The kinds beyond their limit."""
    return {finding.kind for finding in found.findings if finding.over}


def test_usual_text_is_no_drift(reference: Reference) -> None:
    """All kinds are told, in order, with value and limit, and none is beyond it."""
    found = measure(reference, usual_window(reference, 2000), 0.5)
    assert tuple(finding.kind for finding in found.findings) == KINDS
    assert (over(found), found.drifted, found.note) == (set(), False, "")


def test_another_mix_is_told_and_is_drift_only_below_the_floor(reference: Reference) -> None:
    """Of news alone their score is expected: with a floor below it nothing has drifted, with one above it has."""
    news = window(reference, texts("news", 2000, 7))
    found = measure(reference, news, 0.55)
    assert found.mix["news"] == pytest.approx(1.0, abs=0.02)
    assert found.expected == pytest.approx(0.6, abs=0.01)
    assert found.promised == 0.75
    assert over(found) == set()
    assert over(measure(reference, news, 0.7)) == {"expected"}
    assert "expected" not in {finding.kind for finding in measure(reference, news, None).findings}


def test_foreign_words_are_drift(reference: Reference) -> None:
    """They are beyond the limit; where the service counts by other words, that cannot be told, and is said."""
    found = measure(reference, with_foreign_words(reference, 2000), None)
    assert "unknown" in over(found)
    other = measure(reference, with_foreign_words(reference, 2000), None, same_words=False)
    assert "unknown" not in {finding.kind for finding in other.findings}
    assert "cannot be told" in other.note


def test_other_answers_are_drift_since_the_first_texts(reference: Reference) -> None:
    """Eight points more of a label are within what a reference can tell, and beyond what the first texts allow."""
    first = window(reference, [*texts("news", 2500, 5), *texts("songs", 2500, 5)], 0.75)
    later = window(reference, [*texts("news", 1000, 7), *texts("songs", 1000, 7)], 0.83)
    assert "classes" not in over(measure(reference, later, None))
    found = measure(reference, later, None, first)
    assert "classes" in over(found)
    assert over(measure(reference, first, None, first)) == set()


def test_the_class_that_moved_is_named(reference: Reference) -> None:
    """Which one, and by how much it is off since the first texts, though from the reference it is off the other way."""
    first, later = (window(reference, texts("news", count, 5), good) for count, good in ((5000, 0.9), (2000, 0.82)))
    (found,) = (one for one in measure(reference, later, None, first).findings if one.kind == "classes")
    named = rf"(good seems -|bad seems \+){found.value:.1%} off from the first texts of the release"
    assert re.fullmatch(f"the share of texts that are {named}", found.summary)


def test_the_first_texts_say_less_of_another_mix(reference: Reference) -> None:
    """When songs come after news alone, what is off from the reference's limits counts, not from news."""
    first = window(reference, texts("news", 5000, 5))
    assert over(measure(reference, window(reference, texts("songs", 2000, 6)), None, first)) == set()


def test_fewer_texts_have_wider_limits(reference: Reference) -> None:
    """A quarter of the texts may be off twice as far."""
    large, small = (measure(reference, usual_window(reference, size), None).findings[0].limit for size in (2000, 500))
    assert small == pytest.approx(2 * large, abs=1e-9)


def test_the_words_that_moved_are_named(reference: Reference) -> None:
    """A frequent word that comes twice as often is the first that is named."""
    given = [f"{text} of of" for name in ("news", "songs") for text in texts(name, 1000, 7)]
    (residual,) = (one for one in measure(reference, window(reference, given), None).findings if one.kind == "residual")
    assert residual.over
    assert "most of all of ×" in residual.summary


@pytest.mark.parametrize(
    ("evaluate", "floors", "expected"),
    [
        ({"headline": "macro_f1"}, None, None),
        ({"headline": "macro_f1"}, {"overall": 0.7}, 0.7),
        ({"headline": "macro_f1"}, {"overall": {"headline": 0.7, "accuracy": 0.8}}, 0.7),
        ({"headline": "macro_f1"}, {"overall": {"macro_f1": 0.7}}, 0.7),
        ({"headline": "macro_f1"}, {"overall": {"accuracy": 0.8}}, None),
        (None, {"overall": {HEADLINE: 0.7}}, 0.7),
    ],
)
def test_the_floor_is_that_of_the_headline_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluate: object, floors: object, expected: float | None
) -> None:
    """params.yaml may have a number for it, or numbers by metric; without `evaluate` its default decides."""
    groups = {"evaluate": evaluate} if evaluate else {}
    save(tmp_path / "params.yaml", {**groups, "gate": {"floors": floors}})
    monkeypatch.chdir(tmp_path)
    assert _floor(None) == expected
