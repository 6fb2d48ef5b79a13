"""Tests of verdict/monitoring/watch.py and gauges.py: windows by count, across services, restarts and kills."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.unit.monitoring.services import FakeService, metrics_text, usual_window, with_foreign_words
from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.monitoring.gauges import Gauges
from verdict.monitoring.reference import Reference
from verdict.monitoring.reference.mixture import Window
from verdict.monitoring.watch import Watch


class WatchHarness:
    """A fake service, and a watch of it."""

    def __init__(self, reference: Reference, served: FakeService, path: Path) -> None:
        self.reference, self.served, self.path = reference, served, path
        self.counted: Window | None = None
        self.watch = self.restart()

    def restart(self) -> Watch:
        """Start another watch with the same state file."""
        self.watch = Watch([self.served.url], self.reference, 0.5, self.path)
        return self.watch

    def answer(self, more: Window, look: bool = True) -> dict[str, int]:
        """Count more texts, look, and return how often in a row each limit was passed."""
        self.counted = more if self.counted is None else self.counted + more
        self.served.text = metrics_text(self.reference, self.counted)
        if look:
            self.watch.look()
        release = self.watch.state.releases.get("v1.0.0")
        return release.in_a_row if release else {}


@pytest.fixture
def harness(reference: Reference, tmp_path: Path) -> Iterator[WatchHarness]:
    """A service that has counted no text."""
    with FakeService().on() as served:
        yield WatchHarness(reference, served, tmp_path / "drift.json")


def test_a_window_is_measured_once_it_is_full(harness: WatchHarness) -> None:
    """Below 2,000 texts nothing is told; then once, however often one looks."""
    assert harness.answer(usual_window(harness.reference, 1999)) == {}
    assert set(harness.answer(usual_window(harness.reference, 1)).values()) == {0}
    harness.watch.look()
    assert harness.watch.state.releases["v1.0.0"].windows == 1


def test_in_a_row_counts_and_goes_back(harness: WatchHarness) -> None:
    """Two windows beyond the limit are two in a row, and one that is not ends it."""
    rows = [
        harness.answer(part(harness.reference, 2000))["unknown"]
        for part in (usual_window, with_foreign_words, with_foreign_words, usual_window, with_foreign_words)
    ]
    assert rows == [0, 1, 2, 0, 1]


def test_a_kill_forgets_nothing(harness: WatchHarness) -> None:
    """After kill -9 another process goes on in the middle of a window, and in the middle of a row."""
    harness.answer(with_foreign_words(harness.reference, 2000))
    harness.answer(with_foreign_words(harness.reference, 1500))
    harness.restart()
    assert harness.watch.state.releases["v1.0.0"].in_a_row["unknown"] == 1
    assert harness.answer(with_foreign_words(harness.reference, 500))["unknown"] == 2
    assert harness.watch.state.releases["v1.0.0"].windows == 2


def test_a_kill_while_the_state_is_written_leaves_the_old_one(
    harness: WatchHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts since then are read from the service again: none is lost, and none counts twice."""
    harness.answer(with_foreign_words(harness.reference, 2000))

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    harness.answer(with_foreign_words(harness.reference, 2000), look=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            harness.watch.look()
    harness.restart()
    harness.watch.look()
    release = harness.watch.state.releases["v1.0.0"]
    assert (release.in_a_row["unknown"], release.windows) == (2, 2)


def test_a_service_that_starts_anew_counts_from_nothing(harness: WatchHarness) -> None:
    """Counts that are lower than before are all new."""
    harness.answer(usual_window(harness.reference, 1500))
    harness.counted = None
    harness.answer(usual_window(harness.reference, 400))
    assert harness.watch.state.releases["v1.0.0"].filling.window.texts == 1900
    assert set(harness.answer(usual_window(harness.reference, 100))) != set()


def test_services_of_one_release_fill_one_window(reference: Reference, tmp_path: Path) -> None:
    """Two of them, each with half a window, are one; a service that is silent stops neither."""
    text = metrics_text(reference, usual_window(reference, 1000))
    with FakeService(text).on() as one, FakeService(text).on() as two:
        watch = Watch(["http://127.0.0.1:1/", one.url, two.url], reference, None, tmp_path / "drift.json")
        watch.look()
    assert watch.state.releases["v1.0.0"].windows == 1


def test_a_release_that_nobody_serves_any_more_is_let_go(harness: WatchHarness) -> None:
    """Its last window raises no alarm for ever; that of a service that does not answer stays."""
    harness.answer(with_foreign_words(harness.reference, 2000))
    harness.watch.urls = ["http://127.0.0.1:1/"]
    harness.watch.look()
    assert set(harness.watch.state.releases) == {"v1.0.0"}
    harness.watch.urls = [harness.served.url]
    harness.served.text = metrics_text(harness.reference, usual_window(harness.reference, 10), "v2.0.0")
    harness.watch.look()
    assert set(harness.watch.state.releases) == {"v2.0.0"}


def test_a_canary_that_was_rolled_back_is_let_go(harness: WatchHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place stays empty: after a while its release has no alarm any more, and the log has one line of it."""
    with FakeService(
        metrics_text(harness.reference, with_foreign_words(harness.reference, 2000), "v2.0.0")
    ).on() as canary:
        harness.watch = Watch([harness.served.url, canary.url], harness.reference, 0.5, harness.path)
        harness.answer(usual_window(harness.reference, 2000))
    harness.watch.look()
    assert set(harness.watch.state.releases) == {"v1.0.0", "v2.0.0"}
    harness.watch._heard[canary.url] -= 1_000
    harness.watch.look()
    assert set(harness.watch.state.releases) == {"v1.0.0"}
    assert capsys.readouterr().err.count("drift: ") == 1


@pytest.mark.parametrize(
    "odd",
    [
        'verdict_words_total{release="v1.0.0",word="the"} NaN',
        'verdict_words_total{release="v1.0.0",word="the"} +Inf',
        'verdict_words_total{release="v1.0.0",word="the"} -3',
        'verdict_words_total{release="v1.0.0",word="the"} 1e300',
        'verdict_words_total{release="v1.0.0",word="the"} abc',
        'verdict_words_total{release="v1.0.0"} 3',
        'verdict_answers_total{release="v1.0.0",label="good",confidence="7.0"} 3',
        'verdict_text_characters_bucket{release="v1.0.0",le="77"} 3',
    ],
)
def test_a_service_that_counts_otherwise_does_not_end_the_watch(
    harness: WatchHarness, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told once, as one that is silent, and all others are read."""
    other = metrics_text(harness.reference, usual_window(harness.reference, 2000), "v2.0.0")
    with FakeService(
        f"{metrics_text(harness.reference, usual_window(harness.reference, 2000))}{odd}\n"
    ).on() as strange:
        harness.watch = Watch([strange.url, harness.served.url], harness.reference, 0.5, harness.path)
        harness.served.text = other
        harness.watch.look()
        harness.watch.look()
    assert {name: own.windows for name, own in harness.watch.state.releases.items()} == {"v2.0.0": 1}
    assert capsys.readouterr().err.count("drift: ") == 1


def test_what_prometheus_reads(harness: WatchHarness) -> None:
    """Value, limit and row by release and kind, the mix, the expected score, and the number of windows."""
    harness.answer(with_foreign_words(harness.reference, 4000))
    harness.answer(with_foreign_words(harness.reference, 2000))
    text = generate_latest(Gauges(harness.watch).registry).decode()
    assert 'verdict_drift_in_a_row{kind="unknown",release="v1.0.0"} 2.0' in text
    assert 'verdict_drift_windows_total{release="v1.0.0"} 2.0' in text
    release = harness.watch.state.releases["v1.0.0"]
    for name, values in (("verdict_drift", release.values), ("verdict_drift_limit", release.limits)):
        for kind in ("expected", "unknown", "residual", "classes", "confidence"):
            assert f'{name}{{kind="{kind}",release="v1.0.0"}} {values[kind]}' in text
    assert f'verdict_drift_mix{{release="v1.0.0",slice="news"}} {release.mix["news"]}' in text
    assert f'verdict_expected_score{{release="v1.0.0"}} {release.expected}' in text


def other(reference: Reference) -> Reference:
    """A reference that counts by other words."""
    return Reference.model_validate(reference.model_dump() | {"known": "AAAAAA=="})


def test_a_release_is_compared_with_its_own_reference(reference: Reference, tmp_path: Path) -> None:
    """Each service says what it counts by; that of the next release is asked for, and its windows begin anew."""
    text, later = metrics_text(reference, with_foreign_words(reference, 2000)), other(reference)
    with FakeService(text, reference.to_json()).on() as served:
        watch = Watch([served.url], None, 0.5, tmp_path / "drift.json")
        watch.look()
        assert watch.state.releases["v1.0.0"].in_a_row["unknown"] == 1
        served.own = later.to_json()
        served.text = metrics_text(later, with_foreign_words(later, 2000), "v1.1.0")
        watch.look()
        served.own = "of a reference that is known nobody asks again"
        served.text = metrics_text(later, with_foreign_words(later, 4000), "v1.1.0")
        watch.look()
        assert {name: own.windows for name, own in watch.state.releases.items()} == {"v1.1.0": 2}
        assert watch.state.releases["v1.1.0"].words == later.digest


def test_a_service_without_a_reference_is_told_of(
    tmp_path: Path, reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, and the log says what it lacks."""
    with FakeService(metrics_text(reference, usual_window(reference, 2000), digest=""), "").on() as served:
        watch = Watch([served.url], None, 0.5, tmp_path / "drift.json")
        watch.look()
        assert watch.state.releases == {}
    assert "reference.json: no reference" in capsys.readouterr().err


def test_a_state_of_another_reference_begins_anew_and_a_foreign_file_is_refused(harness: WatchHarness) -> None:
    """Counts by other words cannot be added up; a file that is none of ours is named."""
    harness.answer(with_foreign_words(harness.reference, 2000))
    harness.answer(with_foreign_words(harness.reference, 2000))
    harness.reference, harness.counted = other(harness.reference), None
    harness.restart()
    assert harness.answer(with_foreign_words(harness.reference, 2000))["unknown"] == 1
    harness.path.write_text("[]", encoding="utf-8")
    with pytest.raises(VerdictError, match=r"drift\.json: is no state of drift"):
        harness.restart()


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without its port, the watch does not start, and names the option for another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["drift", "--watch", "--port", port, "--state", str(tmp_path / "drift.json")]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port}: cannot listen there" in told
    assert "--port with a free port" in told
