"""Tests of the guard's containers (verdict/delivery/host/containers.py), with the image and an engine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import container_tools
from tests.images.conftest import Built
from tests.ports import free_port
from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.delivery.host import probe
from verdict.delivery.host.containers import Containers
from verdict.delivery.host.servers import Ports
from verdict.delivery.host.smoke import smoke
from verdict.delivery.host.state import Release


@pytest.fixture(scope="module")
def containers(here: Path) -> Iterator[Containers]:
    """Two places of a host."""
    ports = {name: Ports(free_port(), free_port()) for name in ("a", "canary")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(here / "runs.conf"))
        found = Containers("podman", ports, here / "artifacts", ("--network=bridge", "--no-healthcheck"))
        yield found
        for name in ports:
            found.stop(name)


@pytest.fixture
def release(built: Built) -> Release:
    """The image as a release."""
    return Release("v1.2.3", built.reference, "c" * 40, built.labels.artifact)


def ready(containers: Containers, slot: str) -> None:
    """Wait for a place."""
    end = time.monotonic() + 60
    while not probe.is_ready(containers.ports[slot].users):
        assert time.monotonic() < end, container_tools.podman("logs", f"verdict-{slot}")
        time.sleep(0.05)


def test_a_release_starts_is_seen_and_passes_its_smoke_test(containers: Containers, release: Release) -> None:
    """The guard sees what it started, with the artifact beside, and asks it what its own artifact answers."""
    containers.start("canary", release, release)
    ready(containers, "canary")
    running = containers.running("canary")
    assert running is not None
    assert (running.release, running.beside, running.alive) == (release, release, True)
    port = containers.ports["canary"]
    assert smoke(release, port.users, containers.artifact(release), seconds=10) == ""
    assert probe.read_metrics(port.metrics)
    containers.stop("canary")
    assert containers.running("canary") is None


def test_one_that_ended_is_seen_as_ended(containers: Containers, release: Release) -> None:
    """A container that was killed is there, and not alive; stopped, its place is free."""
    containers.start("a", release, None)
    ready(containers, "a")
    container_tools.podman("kill", "verdict-a")
    end = time.monotonic() + 30
    while (found := containers.running("a")) is not None and found.alive and time.monotonic() < end:
        time.sleep(0.05)
    assert found is not None
    assert not found.alive
    containers.stop("a")
    assert containers.running("a") is None


def test_the_artifact_is_that_of_the_image(containers: Containers, built: Built, release: Release) -> None:
    """It is copied out of the image, byte for byte, once."""
    folder = containers.artifact(release)
    assert {path.name: sha256(path) for path in folder.iterdir()} == {
        path.name: sha256(path) for path in built.artifact.iterdir()
    }
    assert containers.artifact(release) == folder


def test_an_image_that_is_not_named_by_digest_is_refused(containers: Containers, release: Release) -> None:
    """A tag can be another image tomorrow."""
    tagged = Release(release.version, release.image.partition("@")[0] + ":one", release.commit, release.artifact)
    with pytest.raises(VerdictError, match="not named by digest"):
        containers.start("a", tagged, None)


def test_pruning_keeps_what_serves(containers: Containers, release: Release) -> None:
    """Beyond the newest, images go but for those that are needed, and so do copied artifacts; a second time nothing."""
    kept, gone = containers.artifact(release), containers.folder / ("0" * 64)
    gone.mkdir()
    containers.prune({release.image}, 0)
    assert [kept.exists(), gone.exists()] == [True, False]
    assert container_tools.podman("image", "inspect", "--format", "{{.Id}}", release.image)
    assert containers.prune({release.image}, 0) == []
