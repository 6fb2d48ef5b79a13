"""Tests of a roll: real servers behind a real haproxy, under traffic."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dvc.delivery.stage import LIMITS, Stand, Users
from tests.shared import once
from tests.tiers import VARIABLE
from tests.unit.stages.runs import build
from verdict.delivery.host.state import Stage


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the small table."""
    return once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Stand]:
    """A host on which v1.0.0 serves."""
    with Stand(tmp_path_factory.mktemp("stand"), model).proxied() as found:
        found.ask(found.release("v1.0.0"))
        state = found.run(Stage.WATCHED)
        assert (state.outcome, state.stable) == ("promoted", found.release("v1.0.0"))
        yield found


def test_a_good_release_costs_nobody_a_request(stand: Stand) -> None:
    """Canary, promotion and back by hand under traffic: all answers are 200, of one release and then of the other."""
    with Users(stand.port).asking() as users:
        stand.ask(stand.release("v1.1.0"))
        state = stand.run(Stage.WATCHED)
        assert (state.outcome, state.stable) == ("promoted", stand.release("v1.1.0"))
        stand.ask(None, why="by hand, in a test")
        state = stand.run(Stage.SETTLED)
    assert (state.outcome, state.stable) == ("rolled back", stand.release("v1.0.0"))
    assert set(users.got) == {200}
    assert {"v1.0.0", "v1.1.0"} == set(users.versions)


@pytest.mark.skipif(os.environ.get(VARIABLE) != "delivery", reason="a tier of its own: make delivery")
def test_a_good_release_is_promoted_each_time(stand: Stand) -> None:
    """Of 20 good releases 20 are promoted, one after the other, and no request fails."""
    with Users(stand.port).asking() as users:
        for number in range(20):
            stand.ask(stand.release(f"v1.6.{number}"))
            assert stand.run(Stage.WATCHED).outcome == "promoted", number
    for version in ("v1.0.0", "v1.6.20"):  # and back: the tests after this one find v1.0.0, and nothing before it
        stand.ask(stand.release(version), limits=replace(LIMITS, weights=()))
        assert stand.run(Stage.WATCHED).stable == stand.release(version)
    stand.ask(None, why="the end of a test")
    assert stand.run(Stage.SETTLED).stable == stand.release("v1.0.0")
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
def test_a_planted_model_is_rolled_back(stand: Stand, fault: str, reason: str) -> None:
    """What fails, crashes, is slow or no number goes by itself; users see none of its failures."""
    with Users(stand.port).asking() as users:
        stand.ask(stand.release(f"v1.2.0+{fault}"))
        state = stand.run(Stage.SETTLED)
    assert state.outcome == ("failed" if fault == "never" else "rolled back")
    assert reason in state.reason
    assert (state.stable, set(users.got)) == (stand.release("v1.0.0"), {200})
    stand.run(Stage.SETTLED)
    assert stand.servers.running("canary") is None


def test_swapped_labels_are_seen_by_comparing(stand: Stand, tmp_path: Path) -> None:
    """An artifact that says other labels than the review saw passes the smoke test, and no canary step."""
    swapped = tmp_path / "swapped"
    shutil.copytree(stand.model, swapped)
    manifest = json.loads((swapped / "manifest.json").read_text())
    manifest["labels"].reverse()
    (swapped / "manifest.json").write_text(json.dumps(manifest))
    with Users(stand.port).asking():
        stand.ask(stand.release("v1.3.0", swapped))
        state = stand.run(Stage.SETTLED)
    assert state.outcome == "rolled back"
    assert "another label for" in state.reason


def test_another_artifact_than_its_tag_gets_no_request(stand: Stand) -> None:
    """The hash is compared before anything is sent there."""
    with Users(stand.port, threads=2).asking() as users:
        stand.ask(stand.release("v1.4.0", artifact="0" * 64))
        state = stand.run(Stage.SETTLED)
    assert state.outcome == "failed"
    assert "its artifact is" in state.reason
    assert set(users.versions) == {"v1.0.0"}


def test_ten_requests_decide_nothing(stand: Stand) -> None:
    """With too little traffic the roll ends undecided, and what served serves."""
    stand.ask(stand.release("v1.5.0"), limits=replace(LIMITS, step=3.0, requests=1_000))
    with Users(stand.port, threads=1, pause=0.3).asking():
        state = stand.run(Stage.SETTLED)
    assert (state.outcome, state.stable) == ("undecided", stand.release("v1.0.0"))
