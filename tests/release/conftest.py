"""A repository on a GitHub of this machine, a registry, a base image, and two hosts with an engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import telling
from tests.conftest import ROOT
from tests.dvc.delivery.stage import Stand, until
from tests.images import conftest as containers
from tests.images import machine
from tests.workflows.conftest import base as reproduced
from tests.workflows.conftest import copied
from tests.workflows.releasing import Releases, clone, with_app
from verdict.delivery.host.state import State

base, here, registry, told = reproduced, containers.here, containers.registry, telling.told


@dataclass(frozen=True)
class HostOfContainers:
    """A serving host: haproxy, a guard as a process, containers in a storage of its own."""

    stand: Stand
    file: Path
    env: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of `verdict` on it."""
        called = [sys.executable, "-I", "-m", "verdict", *arguments, "--host", str(self.file)]
        return subprocess.run(called, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    @property
    def state(self) -> State:
        """What its guard wrote last."""
        return self.stand.store.state.read() or State()


@contextmanager
def host(folder: Path, environment: str, registry: str) -> Iterator[HostOfContainers]:
    """A host that serves nothing yet; at the end its containers and its storage go."""
    folder.mkdir()
    env = {**os.environ, **machine.settings(folder)}
    env["CONTAINERS_CONF"] = str(folder / "runs.conf")
    known = folder / "registries.conf"
    known.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n', encoding="utf-8")
    env["CONTAINERS_REGISTRIES_CONF"] = str(known)
    with Stand(folder, folder).proxied() as stand:
        options = ["--network=bridge", "--no-healthcheck"]
        file = stand.described(environment=environment, engine="podman", options=options)
        log = (folder / "guard.log").open("wb")
        guard = subprocess.Popen(
            [sys.executable, "-I", "-m", "verdict", "guard", "--host", str(file)], cwd=ROOT, env=env, stdout=log
        )
        try:
            until((stand.store.folder / "lock").exists)
            yield HostOfContainers(stand, file, env)
        finally:
            guard.kill()
            guard.wait(20)
            log.close()
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CONTAINERS_STORAGE_CONF", env["CONTAINERS_STORAGE_CONF"])
                patch.setenv("CONTAINERS_CONF", env["CONTAINERS_CONF"])
                machine.clear(folder)


@pytest.fixture(scope="session")
def releases(base: Path, registry: str, here: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """A team whose main is reproduced, and released nothing yet; the desk has buildah and the registry."""
    name = os.environ.get("VERDICT_BASE_IMAGE") or f"{registry}/library/python:3.11-slim-bookworm"
    if "VERDICT_BASE_IMAGE" not in os.environ:
        machine.make_base(here, name)
    place = tmp_path_factory.mktemp("team")
    with copied(base, place) as site:
        env = with_app(site) | {"RELEASE_REGISTRY": f"{registry}/verdict", "VERDICT_BASE_IMAGE": name}
        desk = clone(site, place / "desk")
        shutil.copytree(site.clone.path / ".dvc/cache", desk.path / ".dvc/cache")
        desk.run("dvc", "checkout", "--quiet")
        yield Releases(site, desk, env)
