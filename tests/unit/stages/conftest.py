"""Fixtures of the stages' tests: folders in which all stages have run."""

from pathlib import Path

import pytest

from tests.shared import once
from tests.unit.stages.runs import build, build_mails, copied


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all stages have run; do not change it."""
    return once(tmp_path_factory.getbasetemp(), "stages", build)


@pytest.fixture
def ran(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `finished` to damage; it is the current folder."""
    folder = copied(finished, tmp_path / "ran")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def finished_mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a table with two classes, without rating, slice, group or weight; do not change it."""
    return once(tmp_path_factory.getbasetemp(), "mails", build_mails)


@pytest.fixture
def mailed(finished_mails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `finished_mails` to damage; it is the current folder."""
    folder = copied(finished_mails, tmp_path / "mailed")
    monkeypatch.chdir(folder)
    return folder
