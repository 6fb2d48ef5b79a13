"""Clones that are reproduced once in a session; a test that changes one gets a copy of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, fresh_clone


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which nothing was ever reproduced; not to be changed."""
    return fresh_clone(tmp_path_factory.mktemp("empty") / "verdict")


@pytest.fixture(scope="session")
def finished(empty: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the whole DAG reproduced and its lock, metrics and plots committed; not to be changed."""
    clone = empty.copy(tmp_path_factory.mktemp("finished") / "verdict")
    clone.run("dvc", "repro")
    clone.commit("Reproduced")
    return clone


@pytest.fixture(scope="session")
def experiment(finished: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The finished clone with an experiment, a bag of two epochs, run and left in the workspace; not to be changed."""
    clone = finished.copy(tmp_path_factory.mktemp("experiment") / "verdict")
    clone.run("dvc", "exp", "run", "--name", "bag", "-S", "train.model=bag", "-S", "train.bag.epochs=2")
    return clone


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Clone], Clone]:
    """A function that gives a test its own copy of a clone."""
    return lambda clone: clone.copy(tmp_path / f"clone{len(list(tmp_path.iterdir()))}")
