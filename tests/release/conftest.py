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

from tests import progress as progress_module
from tests.conftest import ROOT
from tests.dvc.delivery.host_harness import HostHarness
from tests.images import conftest as image_fixtures
from tests.images import container_tools
from tests.waiting import wait_until
from tests.workflows.conftest import base as reproduced
from tests.workflows.conftest import copy_of_project
from tests.workflows.release_fixture import Releases, clone_with_remote, install_app
from verdict.delivery.host.state import State

base, here, registry, progress = reproduced, image_fixtures.here, image_fixtures.registry, progress_module.progress


@dataclass(frozen=True)
class HostOfContainers:
    """A serving host: haproxy, a guard as a process, containers with separate storage."""

    harness: HostHarness
    file: Path
    env: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `verdict` on the host."""
        command = [sys.executable, "-I", "-m", "verdict", *arguments, "--host", str(self.file)]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    @property
    def state(self) -> State:
        """The guard's last state."""
        return self.harness.store.state.read() or State()


@contextmanager
def host(folder: Path, environment: str, registry: str) -> Iterator[HostOfContainers]:
    """A host that serves nothing yet; its containers and storage are removed at the end."""
    folder.mkdir()
    env = {**os.environ, **container_tools.settings(folder)}
    env["CONTAINERS_CONF"] = str(folder / "runs.conf")
    registries = folder / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n', encoding="utf-8")
    env["CONTAINERS_REGISTRIES_CONF"] = str(registries)
    with HostHarness(folder, folder).running_proxy() as harness:
        options = ["--network=bridge", "--no-healthcheck"]
        file = harness.write_config(environment=environment, engine="podman", options=options)
        log = (folder / "guard.log").open("wb")
        guard = subprocess.Popen(
            [sys.executable, "-I", "-m", "verdict", "guard", "--host", str(file)], cwd=ROOT, env=env, stdout=log
        )
        try:
            wait_until((harness.store.folder / "lock").exists)
            yield HostOfContainers(harness, file, env)
        finally:
            guard.kill()
            guard.wait(20)
            log.close()
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CONTAINERS_STORAGE_CONF", env["CONTAINERS_STORAGE_CONF"])
                patch.setenv("CONTAINERS_CONF", env["CONTAINERS_CONF"])
                container_tools.clear(folder)


@pytest.fixture(scope="session")
def releases(base: Path, registry: str, here: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """A project whose main is reproduced, without a release; its clone has buildah and the registry."""
    name = os.environ.get("VERDICT_BASE_IMAGE") or f"{registry}/library/python:3.11-slim-bookworm"
    if "VERDICT_BASE_IMAGE" not in os.environ:
        container_tools.make_base(here, name)
    place = tmp_path_factory.mktemp("team")
    with copy_of_project(base, place) as project:
        env = install_app(project) | {"RELEASE_REGISTRY": f"{registry}/verdict", "VERDICT_BASE_IMAGE": name}
        clone = clone_with_remote(project, place / "clone")
        shutil.copytree(project.clone.path / ".dvc/cache", clone.path / ".dvc/cache")
        clone.run("dvc", "checkout", "--quiet")
        yield Releases(project, clone, env)
