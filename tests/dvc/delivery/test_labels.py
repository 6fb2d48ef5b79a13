"""Tests of releases that are judged by labels which came back: real servers, receipts, and a process that counts."""

import http.client
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.dvc.delivery.host_harness import FAULTY_SERVICE, LIMITS, HostHarness, Users
from tests.dvc.monitoring.feedback_process import KEY, FeedbackProcess, feedback_process, post_status
from tests.shared import once
from tests.tiers import tier
from tests.unit.stages.runs import build
from tests.waiting import wait_until
from verdict.delivery.host.guard import Guard
from verdict.delivery.host.host import Host
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.servers import Processes
from verdict.delivery.host.state import Stage
from verdict.web.receipts import Receipt, Receipts

FORCED = replace(LIMITS, weights=())
TRIAL = replace(LIMITS, weights=(50,), labels=150)


@dataclass
class UsersWithLabels(Users):
    """Users who bring the true label back: that of the answer as often as their release is to be right.

    Args:
        counts: the port of the process that counts.
        right: by version, of ten answers.
    """

    counts: int = 0
    right: dict[str, int] = field(default_factory=dict)
    _receipts: deque[str] = field(default_factory=lambda: deque(maxlen=2_000))

    def answered(self, answer: dict[str, str]) -> None:
        """Keep a receipt."""
        self._receipts.append(answer["receipt"])

    @contextmanager
    def teaching(self) -> Iterator[None]:
        """Bring labels back until the end of the block."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._teach, args=(stopped,))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(20)

    def _teach(self, stopped: threading.Event) -> None:
        client, number = http.client.HTTPConnection("127.0.0.1", self.counts, timeout=20), 0
        while not stopped.wait(0.0 if self._receipts else 0.01):
            if self._receipts:
                receipt, number = self._receipts.popleft(), number + 1
                told = Receipts(KEY).read(receipt)
                assert isinstance(told, Receipt)
                other = "neutral" if told.label != "neutral" else "positive"
                truth = told.label if number * 7 % 10 < self.right[told.release] else other
                post_status(client, {"receipt": receipt, "label": truth})


@pytest.fixture
def harness(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostHarness]:
    """A host whose servers sign receipts with one key."""
    model = once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"
    with HostHarness(tmp_path, model).running_proxy() as found:
        (tmp_path / "key").write_bytes(KEY)
        found.servers = Processes(found.ports, tmp_path / "processes", FAULTY_SERVICE, tmp_path / "key")
        yield found


@contextmanager
def judged(harness: HostHarness, right: dict[str, int]) -> Iterator[FeedbackProcess]:
    """Users who bring labels back, a process that counts them, and a guard that asks it; v1.0.0 serves."""
    with feedback_process(harness.folder, f"sqlite:///{harness.folder / 'counts.db'}") as process:
        labels = Labels(f"http://127.0.0.1:{process.metrics}/metrics")
        harness.guard = Guard("production", Host(harness.proxy, harness.servers, harness.ports, labels), harness.store)
        harness.ask(harness.release("v1.0.0"))
        harness.run(Stage.WATCHED)
        users = UsersWithLabels(harness.port, threads=3, counts=process.port, right=right)
        with users.asking(), users.teaching():
            yield process
        assert set(users.got) == {200}


@pytest.mark.parametrize(("right", "outcome"), [(8, "promoted"), (4, "rolled back")])
def test_a_trial_ends_by_the_labels_that_came_back(harness: HostHarness, right: int, outcome: str) -> None:
    """With so many for each side: measurably fewer right answers come back, no measurable difference goes on."""
    if outcome == "promoted":
        tier("delivery")
    with judged(harness, {"v1.0.0": 8, "v1.1.0": right}):
        harness.ask(harness.release("v1.1.0"), TRIAL)
        state = harness.run(Stage.WATCHED if outcome == "promoted" else Stage.SETTLED, seconds=120)
    assert (state.outcome, state.stable and state.stable.version) == (outcome, "v1.1.0" if right == 8 else "v1.0.0")
    assert ("right, beside" in state.reason) == (outcome == "rolled back")
    ended = next(event for event in harness.store.events(200) if event.get("version") == "v1.1.0" and labelled(event))
    assert ended["what"] == ("promoting" if outcome == "promoted" else "settled")


def labelled(event: dict[str, Any]) -> bool:
    """Return whether an event reports enough labels of the canary."""
    return bool(event.get("canary", {}).get("labelled", 0) >= TRIAL.labels)


def test_a_promoted_release_that_is_worse_by_its_labels_comes_back_by_itself(harness: HostHarness) -> None:
    """It was forced, so no canary saw it; in its watch time labels do, and the log says why."""
    with judged(harness, {"v1.0.0": 8, "v1.1.0": 4}) as process:
        wait_until(lambda: process.counts().total() >= 150)
        harness.ask(harness.release("v1.1.0"), FORCED)
        state = harness.run(Stage.WATCHED)
        assert state.stable is not None
        assert state.stable.version == "v1.1.0"
        state = harness.run(Stage.SETTLED, seconds=120)
    assert (state.outcome, state.stable and state.stable.version) == ("rolled back", "v1.0.0")
    assert "by labels that came back, beside" in state.reason
    assert any(event.get("why") == state.reason for event in harness.store.events(200))


def test_the_guard_goes_on_without_the_process_that_counts(harness: HostHarness) -> None:
    """Killed in a roll: the roll ends as it would; a trial that needs labels ends as undecided."""
    tier("delivery")
    with judged(harness, {"v1.0.0": 8, "v1.1.0": 8, "v1.2.0": 8}) as process:
        process.process.kill()
        process.process.wait(20)
        harness.ask(harness.release("v1.1.0"))
        assert harness.run(Stage.WATCHED, seconds=120).outcome == "promoted"
        began = time.monotonic()
        harness.ask(harness.release("v1.2.0"), replace(TRIAL, step=5.0))
        state = harness.run(Stage.WATCHED, seconds=120)
        assert time.monotonic() - began >= 5
    assert (state.outcome, state.stable and state.stable.version) == ("undecided", "v1.1.0")
    assert "0 labels" in state.reason
