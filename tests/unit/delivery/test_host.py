"""Tests of verdict/delivery/host/: host.py, containers.py, servers.py. What is seen of a slot; why nothing starts."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from verdict.base.errors import VerdictError
from verdict.delivery.host import probe
from verdict.delivery.host.containers import Containers
from verdict.delivery.host.host import Host
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.proxy import ServerStats
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.servers import Ports, Processes, Running
from verdict.delivery.host.state import CANARY, Release

NEW = Release("v1.0.0", "image@sha256:1", "c", "a")
PORTS = {"a": Ports(1, 2), CANARY: Ports(3, 4)}
LATE, OTHER, SAME = (
    (0, b""),
    (200, b'{"version": "v0"}'),
    (200, b'{"version": "v1.0.0", "commit": "c", "artifact": "a"}'),
)


@dataclass
class Answers:
    """What is at the ports of the canary.

    Args:
        version: the answer to /version.
        metrics: the answer to /metrics.
    """

    version: tuple[int, bytes]
    metrics: tuple[int, bytes] = (200, b"verdict_failures_total 7\n")

    def ask(self, _: int, path: str, **__: object) -> tuple[int, bytes]:
        """The answer of the slot."""
        return {"/version": self.version, "/metrics": self.metrics}.get(path, (200, b""))


def host(servers: object, up: bool = True) -> Host:
    """A host whose proxy says nothing of interest, but for what its own checks say."""
    proxy = SimpleNamespace(stats=lambda: dict.fromkeys(PORTS, ServerStats(0, 0, 0, 0, up)))
    return Host(proxy, servers, PORTS)  # type: ignore[arg-type]


def standing(name: str) -> Running | None:
    """A release stands in the canary's slot."""
    return Running(NEW, None, True, "start 1") if name == CANARY else None


def test_who_answers_is_asked_again_until_it_is_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in the slot before, or a late answer, is not held against it for ever."""
    found = host(SimpleNamespace(running=standing))
    for version, foreign in [(OTHER, "its version is 'v0'"), (LATE, "/version answers 0"), (SAME, "")]:
        monkeypatch.setattr(probe, "request", Answers(version).ask)
        seen = found.look(0.0)[2][CANARY]
        assert seen.mismatch.startswith(foreign)
        assert seen.sound == (not foreign)


def test_a_place_is_ready_once_the_proxy_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers, while haproxy still holds it for dead, must not let the last of the others go."""
    monkeypatch.setattr(probe, "request", Answers(SAME).ask)
    servers = SimpleNamespace(running=standing)
    assert [host(servers, up).look(0.0)[2][CANARY].ready for up in (True, False)] == [True, False]


def test_figures_that_do_not_come_once_are_not_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is busy when a step begins has not failed in that step what it failed before."""
    found = host(SimpleNamespace(running=standing))
    for metrics in [Answers(SAME).metrics, LATE]:
        monkeypatch.setattr(probe, "request", Answers(SAME, metrics).ask)
        found.look(0.0)
    found.begin()
    monkeypatch.setattr(probe, "request", Answers(SAME, (200, b'verdict_failures_total{kind="not_finite"} 0\n')).ask)
    found.look(1.0)
    assert probe.total(found._histories[CANARY].increase(), "verdict_failures_total") == 0


@pytest.mark.parametrize("error", [VerdictError("podman run", "manifest unknown", "x"), OSError("no such program")])
def test_why_nothing_starts_is_told(error: Exception) -> None:
    """With the words of the engine, or of the system."""

    def start(*_: object) -> None:
        raise error

    found = host(SimpleNamespace(start=start, running=lambda _: None))
    for _ in range(3):
        with pytest.raises(type(error)):
            found.start(CANARY, NEW, None)
    seen = found.look(0.0)[2][CANARY]
    assert (seen.died, seen.start_error) == (3, getattr(error, "what", str(error)))


def test_a_place_is_as_old_as_what_stands_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds count from the first look at a start."""
    monkeypatch.setattr(probe, "request", Answers(SAME).ask)
    found = host(SimpleNamespace(running=standing))
    assert [found.look(now)[2][CANARY].age for now in (100.0, 130.0)] == [0.0, 30.0]


def test_a_damaged_note_of_a_process_names_its_remedy(tmp_path: Path) -> None:
    """The guard says it and goes on; nothing is taken for not there."""
    (tmp_path / "a.json").write_text(json.dumps({"pid": 1})[:5])
    with pytest.raises(VerdictError, match="end what serves in slot a"):
        Processes(PORTS, tmp_path).running("a")


def test_an_engine_that_does_not_answer_is_told_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Seconds for a question; minutes for an image."""
    asked: list[float] = []

    def run(_: object, timeout: float, **__: object) -> None:
        asked.append(timeout)
        raise OSError("gone")

    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", run)
    engine = Containers("podman", PORTS, tmp_path)
    for ask in (lambda: engine.running("a"), lambda: engine.start("a", NEW, None)):
        with pytest.raises(VerdictError, match="`podman ps` by hand"):
            ask()  # type: ignore[no-untyped-call]
    assert asked == [20.0, 600.0]


TOLD = 'verdict_feedback_labelled_total{release="v1.0.0"} %d\nverdict_feedback_right_total{release="v1.0.0"} %d\n'


def looked(labels: Labels) -> None:
    """Two looks: the second takes what the first asked for."""
    labels.look()
    if labels._pending is not None:
        labels._pending.result(20)
    labels.look()


def test_labels_are_counted_from_the_beginning_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of before count for a release as a whole, and not for the step; a process that is away changes nothing."""
    labels = Labels("http://127.0.0.1:8003/metrics")
    labels.begin()  # before anything was told: from what is told first
    found = []
    for of, right in ((10, 8), (14, 10), (0, 0), (20, 16)):
        told = (200, (TOLD % (of, right)).encode()) if of else LATE
        monkeypatch.setattr(probe, "request", Answers(SAME, told).ask)
        looked(labels)
        looked(labels)
        step, total = labels.since(Counts(requests=7), NEW), labels.total(NEW)
        found.append((step.requests, step.labelled, step.right, total.labelled, total.right))
    assert found == [(7, 0, 0, 10, 8), (7, 4, 2, 14, 10), (7, 4, 2, 14, 10), (7, 10, 8, 20, 16)]
    labels.begin()
    assert labels.since(Counts(), NEW) == labels.since(Counts(), None) == Counts()
    assert labels.total(replace(NEW, version="v1.0.0.1")) == Counts()


def test_a_look_waits_for_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the process that counts them does not answer, looks go on, and ask it once."""
    asked, answered = [], Event()

    def hangs(*_: object) -> dict[tuple[str, str], float]:
        asked.append(1)
        answered.wait(20)
        return {}

    monkeypatch.setattr(probe, "read_metrics", hangs)
    labels = Labels("http://127.0.0.1:8003/metrics")
    for _ in range(100):
        labels.look()
    answered.set()
    assert len(asked) <= 1
    assert labels.total(NEW) == Counts()


def test_servers_are_given_what_they_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container has the artifact beside and the key of receipts mounted read-only, and is told where."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", run)
    (tmp_path / "a").mkdir()
    key = tmp_path / "key"
    Containers("podman", PORTS, tmp_path, receipt_key=key).start("a", NEW, NEW)
    options = ["--beside=/beside", "--receipt-key=/receipt-key"]
    assert ran[-1][ran[-1].index(NEW.image) :] == [NEW.image, *options]
    assert {f"{tmp_path}/a:/beside:ro", f"{key}:/receipt-key:ro"} <= set(ran[-1])
    Containers("podman", PORTS, tmp_path).start("a", NEW, None)
    assert ran[-1][-1] == NEW.image


LABELS = {"verdict.host.release": json.dumps(vars(NEW)), "verdict.host.beside": "null"}


@dataclass
class Engine:
    """An engine that has one container, and keeps what it was asked for.

    Args:
        port: that the container has.
        labels: that the container has.
        asked: the commands.
    """

    port: int = 1
    labels: dict[str, str] = field(default_factory=lambda: dict(LABELS))
    asked: list[str] = field(default_factory=list)

    def run(self, command: list[str], **_: object) -> SimpleNamespace:
        """What it answers."""
        self.asked.append(command[1])
        bound = {"PortBindings": {"8000/tcp": [{"HostPort": str(self.port)}]}}
        told = {"HostConfig": bound, "Config": {"Labels": self.labels}, "State": {"Running": True}, "Id": "1"}
        said = {"inspect": json.dumps([told]), "logs": "why it ended\n"}.get(command[1], "")
        return SimpleNamespace(returncode=0, stdout=said, stderr="")


def test_what_a_container_said_stays_when_it_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who asks in the morning why a canary was taken back can read it; with a full disk it is removed all the same."""
    engine = Engine()
    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", engine.run)
    Containers("podman", PORTS, tmp_path / "artifacts").stop("a")
    assert (tmp_path / "a.log").read_text() == "why it ended\n"
    Containers("podman", PORTS, tmp_path / "gone/artifacts").stop("a")
    assert engine.asked == ["kill", "logs", "rm"] * 2


def test_a_container_of_another_guard_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two guards of one user know their containers by the same names: what has another port is not this one's."""
    engine = Engine()
    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", engine.run)
    containers = Containers("podman", PORTS, tmp_path)
    found = containers.running("a")
    assert found is not None
    assert found.release == NEW
    engine.port = 7
    with pytest.raises(VerdictError, match="has port 7, and host"):
        containers.running("a")


def test_the_newest_images_are_those_of_the_highest_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All were made in 1970, so that builds are the same; a copy that the guard is making now is left alone."""
    versions = ["v1.9.0", "v1.10.0", "v1.2.0", "v2.0.0-rc"]

    def run(command: list[str], **_: object) -> SimpleNamespace:
        labels = {"org.opencontainers.image.version": command[-1], "verdict.artifact": f"of {command[-1]}"}
        image = {"Id": command[-1], "RepoDigests": [], "Created": "1970-01-01T00:00:00Z", "Config": {"Labels": labels}}
        said = {"images": "\n".join(versions), "inspect": json.dumps([image])}.get(command[1], "")
        return SimpleNamespace(returncode=0, stdout=said, stderr="")

    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", run)
    for name in ("of v1.10.0.partial", "of v1.9.0"):
        (tmp_path / name).mkdir()
    assert Containers("podman", PORTS, tmp_path).prune(set(), 2) == ["v1.9.0", "v1.2.0"]
    assert [copy.name for copy in tmp_path.iterdir()] == ["of v1.10.0.partial"]


@pytest.mark.parametrize(
    "labels", [{}, LABELS | {"verdict.host.release": "null"}, LABELS | {"verdict.host.beside": "{"}]
)
def test_a_container_that_no_guard_started_is_named(
    labels: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the way to end it; neither guard nor status breaks off."""
    monkeypatch.setattr("verdict.delivery.host.containers.subprocess.run", Engine(labels=labels).run)
    with pytest.raises(VerdictError, match="a container that no guard started"):
        Containers("podman", PORTS, tmp_path).running("a")
