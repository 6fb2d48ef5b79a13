"""Tests of verdict/monitoring/watch.py and gauges.py: windows by count, across services, restarts and kills."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.unit.monitoring.services import Served, as_text, foreign, usual
from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.monitoring.gauges import Gauges
from verdict.monitoring.reference import Reference
from verdict.monitoring.reference.mixture import Window
from verdict.monitoring.watch import Watch


class Scene:
    """A service that counts, and a watch that looks at it."""

    def __init__(self, reference: Reference, served: Served, path: Path) -> None:
        self.reference, self.served, self.path = reference, served, path
        self.counted: Window | None = None
        self.watch = self.anew()

    def anew(self) -> Watch:
        """Another process with the same state file."""
        self.watch = Watch([self.served.url], self.reference, 0.5, self.path)
        return self.watch

    def answer(self, more: Window, look: bool = True) -> dict[str, int]:
        """Count more texts, look, and say how often in a row each limit was passed."""
        self.counted = more if self.counted is None else self.counted + more
        self.served.text = as_text(self.reference, self.counted)
        if look:
            self.watch.look()
        release = self.watch.state.releases.get("v1.0.0")
        return release.in_a_row if release else {}


@pytest.fixture
def scene(reference: Reference, tmp_path: Path) -> Iterator[Scene]:
    """A service without texts yet."""
    with Served().on() as served:
        yield Scene(reference, served, tmp_path / "drift.json")


def test_a_window_is_measured_once_it_is_full(scene: Scene) -> None:
    """Below 2,000 texts nothing is told; then once, however often one looks."""
    assert scene.answer(usual(scene.reference, 1999)) == {}
    assert set(scene.answer(usual(scene.reference, 1)).values()) == {0}
    scene.watch.look()
    assert scene.watch.state.releases["v1.0.0"].windows == 1


def test_in_a_row_counts_and_goes_back(scene: Scene) -> None:
    """Two windows beyond the limit are two in a row, and one that is not ends it."""
    found = [scene.answer(part(scene.reference, 2000))["unknown"] for part in (usual, foreign, foreign, usual, foreign)]
    assert found == [0, 1, 2, 0, 1]


def test_a_kill_forgets_nothing(scene: Scene) -> None:
    """After kill -9 another process goes on in the middle of a window, and in the middle of a row."""
    scene.answer(foreign(scene.reference, 2000))
    scene.answer(foreign(scene.reference, 1500))
    scene.anew()
    assert scene.watch.state.releases["v1.0.0"].in_a_row["unknown"] == 1
    assert scene.answer(foreign(scene.reference, 500))["unknown"] == 2
    assert scene.watch.state.releases["v1.0.0"].windows == 2


def test_a_kill_while_the_state_is_written_leaves_the_old_one(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted since is read again from the service: nothing is lost, nothing counts twice."""
    scene.answer(foreign(scene.reference, 2000))

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    scene.answer(foreign(scene.reference, 2000), look=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            scene.watch.look()
    scene.anew()
    scene.watch.look()
    release = scene.watch.state.releases["v1.0.0"]
    assert (release.in_a_row["unknown"], release.windows) == (2, 2)


def test_a_service_that_starts_anew_counts_from_nothing(scene: Scene) -> None:
    """Counts that are lower than before are all new."""
    scene.answer(usual(scene.reference, 1500))
    scene.counted = None
    scene.answer(usual(scene.reference, 400))
    assert scene.watch.state.releases["v1.0.0"].filling.window.texts == 1900
    assert set(scene.answer(usual(scene.reference, 100))) != set()


def test_services_of_one_release_fill_one_window(reference: Reference, tmp_path: Path) -> None:
    """Two of them, each with half a window, are one; a service that is silent stops neither."""
    text = as_text(reference, usual(reference, 1000))
    with Served(text).on() as one, Served(text).on() as two:
        watch = Watch(["http://127.0.0.1:1/", one.url, two.url], reference, None, tmp_path / "drift.json")
        watch.look()
    assert watch.state.releases["v1.0.0"].windows == 1


def test_a_release_that_nobody_serves_any_more_is_let_go(scene: Scene) -> None:
    """Its last window raises no alarm for ever; that of a service that does not answer stays."""
    scene.answer(foreign(scene.reference, 2000))
    scene.watch.urls = ["http://127.0.0.1:1/"]
    scene.watch.look()
    assert set(scene.watch.state.releases) == {"v1.0.0"}
    scene.watch.urls = [scene.served.url]
    scene.served.text = as_text(scene.reference, usual(scene.reference, 10), "v2.0.0")
    scene.watch.look()
    assert set(scene.watch.state.releases) == {"v2.0.0"}


def test_a_canary_that_was_rolled_back_is_let_go(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place stays empty: after a while its release has no alarm any more, and the log has one line of it."""
    with Served(as_text(scene.reference, foreign(scene.reference, 2000), "v2.0.0")).on() as canary:
        scene.watch = Watch([scene.served.url, canary.url], scene.reference, 0.5, scene.path)
        scene.answer(usual(scene.reference, 2000))
    scene.watch.look()
    assert set(scene.watch.state.releases) == {"v1.0.0", "v2.0.0"}
    scene.watch._heard[canary.url] -= 1_000
    scene.watch.look()
    assert set(scene.watch.state.releases) == {"v1.0.0"}
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
    scene: Scene, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told once, as one that is silent, and all others are read."""
    other = as_text(scene.reference, usual(scene.reference, 2000), "v2.0.0")
    with Served(f"{as_text(scene.reference, usual(scene.reference, 2000))}{odd}\n").on() as strange:
        scene.watch = Watch([strange.url, scene.served.url], scene.reference, 0.5, scene.path)
        scene.served.text = other
        scene.watch.look()
        scene.watch.look()
    assert {name: own.windows for name, own in scene.watch.state.releases.items()} == {"v2.0.0": 1}
    assert capsys.readouterr().err.count("drift: ") == 1


def test_what_prometheus_reads(scene: Scene) -> None:
    """Value, limit and row by release and kind, the mix, the expected score, and the number of windows."""
    scene.answer(foreign(scene.reference, 4000))
    scene.answer(foreign(scene.reference, 2000))
    text = generate_latest(Gauges(scene.watch).registry).decode()
    assert 'verdict_drift_in_a_row{kind="unknown",release="v1.0.0"} 2.0' in text
    assert 'verdict_drift_windows_total{release="v1.0.0"} 2.0' in text
    release = scene.watch.state.releases["v1.0.0"]
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
    text, later = as_text(reference, foreign(reference, 2000)), other(reference)
    with Served(text, reference.to_json()).on() as served:
        watch = Watch([served.url], None, 0.5, tmp_path / "drift.json")
        watch.look()
        assert watch.state.releases["v1.0.0"].in_a_row["unknown"] == 1
        served.own = later.to_json()
        served.text = as_text(later, foreign(later, 2000), "v1.1.0")
        watch.look()
        served.own = "of a reference that is known nobody asks again"
        served.text = as_text(later, foreign(later, 4000), "v1.1.0")
        watch.look()
        assert {name: own.windows for name, own in watch.state.releases.items()} == {"v1.1.0": 2}
        assert watch.state.releases["v1.1.0"].words == later.digest


def test_a_service_without_a_reference_is_told_of(
    tmp_path: Path, reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, and the log says what it lacks."""
    with Served(as_text(reference, usual(reference, 2000), digest=""), "").on() as served:
        watch = Watch([served.url], None, 0.5, tmp_path / "drift.json")
        watch.look()
        assert watch.state.releases == {}
    assert "reference.json: no reference" in capsys.readouterr().err


def test_a_state_of_another_reference_begins_anew_and_a_foreign_file_is_refused(scene: Scene) -> None:
    """Counts by other words cannot be added up; a file that is none of ours is named."""
    scene.answer(foreign(scene.reference, 2000))
    scene.answer(foreign(scene.reference, 2000))
    scene.reference, scene.counted = other(scene.reference), None
    scene.anew()
    assert scene.answer(foreign(scene.reference, 2000))["unknown"] == 1
    scene.path.write_text("[]", encoding="utf-8")
    with pytest.raises(VerdictError, match=r"drift\.json: is no state of drift"):
        scene.anew()


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Prometheus cannot ask, the watch does not start, and says which option gives it another port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["drift", "--watch", "--port", port, "--state", str(tmp_path / "drift.json")]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port}: cannot listen there" in told
    assert "--port with a free port" in told
