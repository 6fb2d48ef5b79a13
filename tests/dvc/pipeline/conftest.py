"""Clones that are made once a run; a test that changes one takes a copy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone, empty_clone, finished_clone
from tests.shared import once
from tests.stub import stub_clone


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone without results; do not change it."""
    return empty_clone(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the whole DAG reproduced and its lock, metrics and plots committed; do not change it."""
    return finished_clone(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def experiment(finished: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The finished clone with an experiment, a bag of two epochs, run and left in the workspace; do not change it."""

    def build(folder: Path) -> None:
        clone = finished.copy(folder / "verdict")
        clone.run("dvc", "exp", "run", "--name", "bag", "-S", "train.model=bag", "-S", "train.bag.epochs=2")

    shared_clone = Clone(once(tmp_path_factory.getbasetemp(), "experiment", build) / "verdict")
    # A copy for each worker: DVC's commands, which the tests run here, wait for each other.
    return shared_clone.copy(tmp_path_factory.mktemp("experiment") / "verdict")


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose DAG has two small stages, reproduced and committed; do not change it."""
    return stub_clone(tmp_path_factory.getbasetemp())


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Clone], Clone]:
    """A function that gives a test its own copy of a clone."""
    return lambda clone: clone.copy(tmp_path / f"clone{len(list(tmp_path.iterdir()))}")
