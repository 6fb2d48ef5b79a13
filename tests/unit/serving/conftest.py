"""Artifacts to serve, made once a run."""

from pathlib import Path

import pytest

from tests.shared import once
from tests.unit.stages.runs import build, build_mails


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the small table: its text is one column."""
    return once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"


@pytest.fixture(scope="session")
def of_mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of a table of mails, whose text is made of subject and body."""
    return once(tmp_path_factory.getbasetemp(), "served-mails", build_mails) / "models/classifier"
