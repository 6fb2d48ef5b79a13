"""One server, one reproduced clone and one full prefix a session; a test that damages a remote gets a copy."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone, environment, finished_clone
from tests.dvc.remote.remote_runner import RemoteRunner
from tests.s3 import S3, s3

__all__ = ["s3"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the whole DAG reproduced and committed, its remote still the embedded folder; do not change it."""
    return finished_clone(tmp_path_factory.getbasetemp())


@pytest.fixture
def runner(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteRunner:
    """Runs `verdict remote` in this process, with the writer's keys and no settings of the machine."""
    for name, value in {**environment(tmp_path), **s3.keys()}.items():
        if name.startswith(("DVC_", "AWS_")):
            monkeypatch.setenv(name, value)
    return RemoteRunner(s3, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def full_prefix(s3: S3, reproduced: Clone, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prefix of the bucket with all that `reproduced` needs; do not change it."""
    clone = reproduced.copy(tmp_path_factory.mktemp("filler") / "verdict")
    RemoteRunner.connect(clone, s3, "filled")
    process = clone.try_run("python", "-I", "-m", "verdict", "remote", "--push", **s3.keys())
    assert process.returncode == 0, process.stdout
    return "filled"


@pytest.fixture
def prefix() -> str:
    """An unused prefix of the bucket."""
    return f"test{next(_numbers)}"


@pytest.fixture
def worker(runner: RemoteRunner, reproduced: Clone, prefix: str) -> Clone:
    """A reproduced clone with its cache, whose remote is an empty prefix."""
    clone = reproduced.copy(runner.folder / "worker")
    runner.connect(clone, runner.s3, prefix)
    return clone


@pytest.fixture
def worker_with_full_remote(runner: RemoteRunner, worker: Clone, full_prefix: str, prefix: str) -> Clone:
    """`worker`, with all that it needs on its remote."""
    for key in runner.s3.names(f"{full_prefix}/"):
        runner.s3.put(prefix + key.removeprefix(full_prefix), runner.s3.get(key))
    return worker


@pytest.fixture
def make_clone_without_cache(runner: RemoteRunner, reproduced: Clone) -> Callable[[str], Clone]:
    """A function that makes a fresh git clone, without data or cache, whose remote is a prefix of the bucket."""

    def make(prefix: str) -> Clone:
        path = runner.folder / f"cold{next(_numbers)}"
        reproduced.run("git", "clone", "--quiet", str(reproduced.path), str(path))
        runner.connect(Clone(path), runner.s3, prefix)
        return Clone(path)

    return make
