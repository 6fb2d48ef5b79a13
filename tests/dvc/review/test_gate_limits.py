"""Size and time at the gate: a busy machine fails no change, nor do limits that main itself breaks."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, retrain, set_params
from tests.dvc.review.tampering import relock

clone, runner = edits.clone, edits.runner
TIGHT = {"max_artifact_mb": 1e-6, "max_seconds_per_1000": 1e-9}


def limits(clone: Clone, **values: float) -> None:
    """Main with other limits."""
    set_params(clone, "gate", **values)
    clone.commit("Other limits")


def another_model(clone: Clone) -> None:
    """Other weights that predict nearly the same."""
    retrain(clone, **{"linear.alpha": 0.00002})
    relock(clone)


def clocks(monkeypatch: pytest.MonkeyPatch, **jumps: Iterator[float]) -> None:
    """Clocks of the review that jump ahead between two readings; without jumps they stand still."""

    def jumping(by: Iterator[float]) -> Callable[[], float]:
        now = [0.0]

        def look() -> float:
            now[0] += next(by)
            return now[0]

        return look

    still = {name: iter(lambda: 0.0, None) for name in ("perf_counter", "process_time")}
    fake = {name: jumping(by) for name, by in {**still, **jumps}.items()}
    monkeypatch.setattr("verdict.review.evidence.time", SimpleNamespace(**{**vars(time), **fake}))


def slow(looks: int) -> Iterator[float]:
    """A look is its begin and its end: so many that take an hour, then such as take no time."""
    for _ in range(looks):
        yield from (0.0, 3600.0)
    while True:
        yield 0.0


def line(text: str, name: str) -> str:
    """The gate's line of a rule."""
    return next(one for one in text.splitlines() if one[10:].startswith(f"{name} "))


def test_mains_very_artifact_passes_limits_that_main_is_above(clone: Clone, runner: ReviewRunner) -> None:
    """A change of documentation passes where main itself is too large and too slow, and both are said."""
    limits(clone, **TIGHT)
    (clone.path / "README.md").write_text("Another text.\n", encoding="utf-8")
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    for name in ("size", "time"):
        assert "above the limit; but main's very artifact" in line(outcome.text, name)


def test_another_artifact_is_held_to_the_limits_and_they_come_first(clone: Clone, runner: ReviewRunner) -> None:
    """A changed model above both limits fails by both, which begin the verdict's line with figure and limit."""
    limits(clone, **TIGHT)
    another_model(clone)
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["size", "time"]), outcome.text
    last = outcome.text.splitlines()[-1]
    assert last.startswith("Fail, size (0.")
    assert " MB, at most 1e-06 MB), time (0." in last
    assert " s, at most 1e-09 s): " in last


@pytest.mark.parametrize("busy", ["perf_counter", "process_time"])
def test_one_slow_clock_fails_nobody(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch, busy: str
) -> None:
    """Time that passed on one clock alone, by other work on the machine or by many threads, does not count."""
    another_model(clone)
    clocks(monkeypatch, **{busy: slow(99)})
    outcome = runner.gate(clone)
    assert "time" not in outcome.failed, outcome.text


@pytest.mark.parametrize(("looks", "failed"), [(1, False), (3, False), (4, True)])
def test_a_slow_look_is_followed_by_others(
    clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch, looks: int, failed: bool
) -> None:
    """A slow measurement is repeated, and the fastest counts: only a model that is slow each time fails."""
    another_model(clone)
    clocks(monkeypatch, perf_counter=slow(looks), process_time=slow(looks))
    outcome = runner.gate(clone)
    assert ("time" in outcome.failed) == failed, outcome.text
