"""The committed dvc.lock against the one that running gave."""

import pytest

from tests.documents import load
from tests.dvc.ci.repository import LOCK
from verdict.base.errors import VerdictError
from verdict.ci.lock_diff import changed_metrics, differences
from verdict.repo.lock.entries import lock_entries, output_hashes


def test_order_and_sizes_are_no_difference() -> None:
    """DVC appends stages that were away for a while, and sizes say nothing that hashes do not."""
    stages = lock_entries(LOCK, "here")
    other = load(LOCK)
    other["stages"]["train"]["outs"][0]["size"] = 7
    other["stages"]["train"] = dict(reversed(other["stages"]["train"].items()))
    assert differences(stages, other["stages"]) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("b111", "c222", "train: metrics/evaluation.json: committed b1111111, reproduced c2221111"),
        ("a000", "d333", "train: stages/train.py: committed a0000000, reproduced d3330000"),
        ("python -I -m stages.train", "python -m other", "train: another cmd"),
        ("metrics/evaluation.json", "metrics/x.json", "train: metrics/x.json: committed absent, reproduced b1111111"),
        ("  train:", "  fit:", "fit: has no entry in the committed dvc.lock"),
    ],
)
def test_each_difference_is_named(old: str, new: str, told: str) -> None:
    """Stage, path and both hashes, or what else is different."""
    assert told in differences(lock_entries(LOCK, "a"), lock_entries(LOCK.replace(old, new), "b"))


def test_an_entry_that_did_not_come_out_is_named() -> None:
    """A stage in the committed lock that the run knows nothing of is a difference."""
    assert differences(lock_entries(LOCK, "a"), {}) == ["train: an entry for a stage that did not come out"]


NO_LOCK = [None, "", "stages: []", "stages: {train: 1}", "a: [", "<<<<<<< ours", "stages: {train: {}, train: {}}"]
# DVC names its records by JSON, which has none of these.
NO_LOCK += ["stages: {train: {cmd: 2026-01-02}}", "stages: {train: {1: a, b: c}}", "stages: {train: &a {outs: *a}}"]


@pytest.mark.parametrize("text", NO_LOCK)
def test_what_is_no_lock_is_an_error(text: str | None) -> None:
    """Missing, of another shape, with the marks of a conflict, or with a value that DVC does not write."""
    with pytest.raises(VerdictError, match=r"dvc\.lock of here"):
        lock_entries(text, "here")


@pytest.mark.parametrize(
    "outs", ["3", "[3]", "[{path: a}]", "[{md5: a}]", "{path: a, md5: b}", "[{path: [a], md5: b}]"]
)
def test_an_output_without_path_or_hash_is_an_error(outs: str) -> None:
    """The lock is named, and nothing breaks on its shape."""
    with pytest.raises(VerdictError, match=r"dvc\.lock of here: not a lock of DVC"):
        output_hashes(lock_entries(f"stages: {{train: {{outs: {outs}}}}}", "here"), "here")


def test_figures_move_when_the_printed_digits_do() -> None:
    """Four digits are printed; what differs beyond them is another machine, not another model."""
    assert changed_metrics({"a": {"f1": 0.12344}}, {"a": {"f1": 0.123441}}) == []
    assert changed_metrics({"a": {"f1": 0.1234}}, {"a": {"f1": 0.1236}}) == [
        "a.f1: committed 0.1234, reproduced 0.1236"
    ]
    assert changed_metrics({}, {"n": 3}) == ["n: committed absent, reproduced 3.0000"]
