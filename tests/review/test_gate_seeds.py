"""Seeds at the gate: how many a change must be trained with, and how far they may lie apart."""

from typing import Any

import pytest

from classifier.params import Gate
from tests.pipeline.clone import Clone
from tests.review import changes
from tests.review.changes import Desk, edit_json, retrain, set_params
from tests.review.forging import relock

clone, desk = changes.clone, changes.desk
SCORES = "metrics/validation.json"


def policy(place: Clone, **seeds: float) -> None:
    """Main with a rule for seeds."""
    set_params(place, "gate", seeds=seeds)
    place.commit("A rule for seeds")


def tell(place: Clone, **values: float) -> None:
    """Another model, whose file tells of these seeds; its mean and spread are made up."""
    retrain(place, **changes.WORSE)

    def change(told: dict[str, Any]) -> None:
        told["seeds"] = {"values": {name[1:]: value for name, value in values.items()}, "mean": 0.9, "std": 0.0}

    edit_json(place, SCORES, change)
    relock(place)


def line(text: str) -> str:
    """The line of the rule `seeds`."""
    return next((one for one in text.splitlines() if " seeds " in one[:26]), "")


def test_one_seed_is_enough_by_default(clone: Clone, desk: Desk) -> None:
    """With main's defaults a model of one seed is not asked about seeds, nor about a file that tells of none."""
    tell(clone, s1=0.7)
    assert not line(desk.gate(clone).text)
    (clone.path / SCORES).write_text('{"seeds": 3}', encoding="utf-8")
    outcome = desk.gate(clone)
    assert outcome.code == 1
    assert not line(outcome.text)


def test_a_base_without_the_key_judges_by_the_defaults(clone: Clone, desk: Desk) -> None:
    """A main from before the key has the defaults, and can judge."""
    document = clone.params()
    del document["gate"]["seeds"]
    clone.write_params(document)
    clone.commit("As before")
    assert desk.gate(clone).code == 0
    assert Gate.model_validate(document["gate"]).seeds.at_least == 1


def test_fewer_seeds_than_asked_fail(clone: Clone, desk: Desk) -> None:
    """Two seeds where three are asked fail by the rule `seeds`, three pass it."""
    policy(clone, at_least=3, max_spread=0.02)
    tell(clone, s1=0.70, s2=0.71)
    outcome = desk.gate(clone)
    assert "seeds" in outcome.failed
    assert "2 seeds, weighted F1 0.7050 ± 0.0071" in line(outcome.text)
    tell(clone, s1=0.70, s2=0.71, s3=0.705)
    assert "seeds" not in desk.gate(clone).failed


def test_seeds_that_lie_far_apart_fail(clone: Clone, desk: Desk) -> None:
    """The spread counts by the values themselves, not by the deviation that the file claims; by default, too."""
    tell(clone, s1=0.70, s2=0.76)
    outcome = desk.gate(clone)
    assert "seeds" in outcome.failed
    assert "0.7300 ± 0.0424" in line(outcome.text)


def test_an_unchanged_model_is_not_asked_again(clone: Clone, desk: Desk) -> None:
    """Where main itself has too few seeds, a change of documentation passes."""
    policy(clone, at_least=3, max_spread=0.02)
    (clone.path / "README.md").write_text("Another text.\n", encoding="utf-8")
    outcome = desk.gate(clone)
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    assert "every prediction is main's" in line(outcome.text)


@pytest.mark.parametrize("content", [None, "{", '{"seeds": {"values": {"1": NaN}}}', '{"seeds": 3}', "[]"])
def test_seeds_that_cannot_be_read_cannot_be_judged(clone: Clone, desk: Desk, content: str | None) -> None:
    """Where several seeds are asked for, a file that is missing or broken is 2, and is named."""
    policy(clone, at_least=2, max_spread=0.02)
    (clone.path / SCORES).unlink()
    if content is not None:
        (clone.path / SCORES).write_text(content, encoding="utf-8")
    outcome = desk.gate(clone)
    assert outcome.code == 2
    assert SCORES in outcome.reason


def test_the_report_tells_mean_and_spread(clone: Clone, desk: Desk) -> None:
    """A change with several seeds shows their mean and spread below the verdict; one with a single seed does not."""
    tell(clone, s1=0.70, s2=0.71)
    assert desk.run(clone, "report").code == 0
    text = (clone.path / "report/report.md").read_text(encoding="utf-8")
    assert "2 seeds, weighted F1 0.7050 ± 0.0071 on validation" in text
