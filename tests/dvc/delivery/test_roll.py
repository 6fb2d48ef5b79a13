"""Tests of a roll: real servers behind a real haproxy, under traffic."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dvc.delivery.host_harness import LIMITS, HostHarness, Users
from tests.shared import once
from tests.tiers import VARIABLE
from tests.unit.stages.runs import build
from verdict.delivery.host.state import Stage


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the small table."""
    return once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[HostHarness]:
    """A host on which v1.0.0 serves."""
    with HostHarness(tmp_path_factory.mktemp("stand"), model).running_proxy() as found:
        found.ask(found.release("v1.0.0"))
        state = found.run(Stage.WATCHED)
        assert (state.outcome, state.stable) == ("promoted", found.release("v1.0.0"))
        yield found


def test_a_good_release_costs_nobody_a_request(harness: HostHarness) -> None:
    """Canary, promotion and back by hand under traffic: all answers are 200, of one release and then of the other."""
    with Users(harness.port).asking() as users:
        harness.ask(harness.release("v1.1.0"))
        state = harness.run(Stage.WATCHED)
        assert (state.outcome, state.stable) == ("promoted", harness.release("v1.1.0"))
        harness.ask(None, why="by hand, in a test")
        state = harness.run(Stage.SETTLED)
    assert (state.outcome, state.stable) == ("rolled back", harness.release("v1.0.0"))
    assert set(users.got) == {200}
    assert {"v1.0.0", "v1.1.0"} == set(users.versions)


@pytest.mark.skipif(os.environ.get(VARIABLE) != "delivery", reason="a tier of its own: make delivery")
def test_a_good_release_is_promoted_each_time(harness: HostHarness) -> None:
    """All of 20 good releases in a row are promoted, and no request fails."""
    with Users(harness.port).asking() as users:
        for number in range(20):
            harness.ask(harness.release(f"v1.6.{number}"))
            assert harness.run(Stage.WATCHED).outcome == "promoted", number
    for version in ("v1.0.0", "v1.6.20"):  # and back: the tests after this one find v1.0.0, and nothing before it
        harness.ask(harness.release(version), limits=replace(LIMITS, weights=()))
        assert harness.run(Stage.WATCHED).stable == harness.release(version)
    harness.ask(None, why="the end of a test")
    assert harness.run(Stage.SETTLED).stable == harness.release("v1.0.0")
    assert set(users.got) == {200}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("fails", "requests failed"),
        ("rarely", "requests failed"),
        ("crashes", "it ended by itself"),
        ("nan", "without finite probabilities"),
        ("slow", "p99"),
        ("never", "it ended by itself 3 times"),
    ],
)
def test_a_planted_model_is_rolled_back(harness: HostHarness, fault: str, reason: str) -> None:
    """A release that fails, crashes, is slow or gives no numbers is rolled back, and users see no failure."""
    with Users(harness.port).asking() as users:
        harness.ask(harness.release(f"v1.2.0+{fault}"))
        state = harness.run(Stage.SETTLED)
    assert state.outcome == ("failed" if fault == "never" else "rolled back")
    assert reason in state.reason
    assert (state.stable, set(users.got)) == (harness.release("v1.0.0"), {200})
    harness.run(Stage.SETTLED)
    assert harness.servers.running("canary") is None


def test_swapped_labels_are_seen_by_comparing(harness: HostHarness, tmp_path: Path) -> None:
    """An artifact that says other labels than the review saw passes the smoke test, and no canary step."""
    swapped = tmp_path / "swapped"
    shutil.copytree(harness.model, swapped)
    manifest = json.loads((swapped / "manifest.json").read_text())
    manifest["labels"].reverse()
    (swapped / "manifest.json").write_text(json.dumps(manifest))
    with Users(harness.port).asking():
        harness.ask(harness.release("v1.3.0", swapped))
        state = harness.run(Stage.SETTLED)
    assert state.outcome == "rolled back"
    assert "another label for" in state.reason


def test_another_artifact_than_its_tag_gets_no_request(harness: HostHarness) -> None:
    """The hash is compared before anything is sent there."""
    with Users(harness.port, threads=2).asking() as users:
        harness.ask(harness.release("v1.4.0", artifact="0" * 64))
        state = harness.run(Stage.SETTLED)
    assert state.outcome == "failed"
    assert "its artifact is" in state.reason
    assert set(users.versions) == {"v1.0.0"}


def test_ten_requests_decide_nothing(harness: HostHarness) -> None:
    """With too little traffic the roll ends undecided, and what served serves."""
    harness.ask(harness.release("v1.5.0"), limits=replace(LIMITS, step=3.0, requests=1_000))
    with Users(harness.port, threads=1, pause=0.3).asking():
        state = harness.run(Stage.SETTLED)
    assert (state.outcome, state.stable) == ("undecided", harness.release("v1.0.0"))
