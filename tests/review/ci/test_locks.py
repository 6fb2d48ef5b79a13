"""The committed dvc.lock against the one that running gave."""

import pytest
import yaml

from classifier.errors import VerdictError
from review.ci.locks import differences, moved, stages_of
from tests.review.ci.repository import LOCK


def test_order_and_sizes_are_no_difference() -> None:
    """DVC appends stages that were away for a while, and sizes say nothing that hashes do not."""
    stages = stages_of(LOCK, "here")
    other = yaml.safe_load(LOCK)
    other["stages"]["train"]["outs"][0]["size"] = 7
    other["stages"]["train"] = dict(reversed(other["stages"]["train"].items()))
    assert differences(stages, other["stages"]) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("b111", "c222", "train: metrics/evaluation.json: committed b1111111, reproduced c2221111"),
        ("a000", "d333", "train: stages/train.py: committed a0000000, reproduced d3330000"),
        ("python -m stages.train", "python -m other", "train: another cmd"),
        ("metrics/evaluation.json", "metrics/x.json", "train: metrics/x.json: committed absent, reproduced b1111111"),
        ("  train:", "  fit:", "fit: has no entry in the committed dvc.lock"),
    ],
)
def test_each_difference_is_named(old: str, new: str, told: str) -> None:
    """Stage, path and both hashes, or what else is different."""
    assert told in differences(stages_of(LOCK, "a"), stages_of(LOCK.replace(old, new), "b"))


def test_an_entry_that_did_not_come_out_is_named() -> None:
    """A stage in the committed lock that the run knows nothing of is a difference."""
    assert differences(stages_of(LOCK, "a"), {}) == ["train: an entry for a stage that did not come out"]


@pytest.mark.parametrize("text", [None, "", "stages: []", "stages: {train: 1}", "a: [", "<<<<<<< ours"])
def test_what_is_no_lock_is_an_error(text: str | None) -> None:
    """Missing, of another shape, or with the marks of a conflict."""
    with pytest.raises(VerdictError, match=r"dvc\.lock"):
        stages_of(text, "here")


def test_figures_move_when_the_printed_digits_do() -> None:
    """Four digits are printed; what differs beyond them is another machine, not another model."""
    assert moved({"a": {"f1": 0.12344}}, {"a": {"f1": 0.123441}}) == []
    assert moved({"a": {"f1": 0.1234}}, {"a": {"f1": 0.1236}}) == ["a.f1: committed 0.1234, reproduced 0.1236"]
    assert moved({}, {"n": 3}) == ["n: committed absent, reproduced 3.0000"]
