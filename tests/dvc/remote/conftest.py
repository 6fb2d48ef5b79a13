"""One server, one reproduced clone and one filled prefix for the session; a test that harms a remote gets a copy."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone, environment, finished_clone
from tests.dvc.remote.desk import Desk
from tests.s3 import S3, s3

__all__ = ["s3"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the whole DAG reproduced and committed, its remote still the embedded folder; not to be changed."""
    return finished_clone(tmp_path_factory.getbasetemp())


@pytest.fixture
def desk(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """What runs `verdict remote` in this process, with the writer's keys and no settings of the machine."""
    for name, value in {**environment(tmp_path), **s3.keys()}.items():
        if name.startswith(("DVC_", "AWS_")):
            monkeypatch.setenv(name, value)
    return Desk(s3, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def filled(s3: S3, reproduced: Clone, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prefix of the bucket that holds all that `reproduced` needs; not to be changed."""
    clone = reproduced.copy(tmp_path_factory.mktemp("filler") / "verdict")
    Desk.connect(clone, s3, "filled")
    process = clone.try_run("python", "-I", "-m", "verdict", "remote", "--push", **s3.keys())
    assert process.returncode == 0, process.stdout
    return "filled"


@pytest.fixture
def prefix() -> str:
    """A prefix of the bucket that nobody has used yet."""
    return f"test{next(_numbers)}"


@pytest.fixture
def worker(desk: Desk, reproduced: Clone, prefix: str) -> Clone:
    """A reproduced clone with its cache, whose remote is an empty prefix."""
    clone = reproduced.copy(desk.folder / "worker")
    desk.connect(clone, desk.s3, prefix)
    return clone


@pytest.fixture
def stocked(desk: Desk, worker: Clone, filled: str, prefix: str) -> Clone:
    """The worker, with all that it needs on its remote."""
    for key in desk.s3.names(f"{filled}/"):
        desk.s3.put(prefix + key.removeprefix(filled), desk.s3.get(key))
    return worker


@pytest.fixture
def cold(desk: Desk, reproduced: Clone) -> Callable[[str], Clone]:
    """A function that makes a fresh git clone, without data or cache, whose remote is a prefix of the bucket."""

    def make(prefix: str) -> Clone:
        path = desk.folder / f"cold{next(_numbers)}"
        reproduced.run("git", "clone", "--quiet", str(reproduced.path), str(path))
        desk.connect(Clone(path), desk.s3, prefix)
        return Clone(path)

    return make
