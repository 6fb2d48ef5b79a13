"""Fixtures of the monitoring tests: a reference of two slices."""

from pathlib import Path

import pytest

from tests.shared import once
from tests.unit.monitoring.tables import make_reference, table
from verdict.monitoring.reference import Reference, read, write


@pytest.fixture(scope="session")
def reference_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the reference, which tests only read."""

    def build(folder: Path) -> None:
        folder.mkdir()
        write(folder / "reference.json", make_reference(folder, table(2000, 1, group=4), table(500, 2, group=4)))

    return once(tmp_path_factory.getbasetemp(), "reference", build) / "reference.json"


@pytest.fixture(scope="session")
def reference(reference_file: Path) -> Reference:
    """The reference."""
    return read(reference_file)
