"""What the tests of the monitoring share: a reference of two slices."""

from pathlib import Path

import pytest

from tests.shared import once
from tests.unit.monitoring.tables import made, table
from verdict.monitoring.reference import Reference, read, write


@pytest.fixture(scope="session")
def reference_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file; it is read, never changed."""

    def build(folder: Path) -> None:
        folder.mkdir()
        write(folder / "reference.json", made(folder, table(2000, 1, group=4), table(500, 2, group=4)))

    return once(tmp_path_factory.getbasetemp(), "reference", build) / "reference.json"


@pytest.fixture(scope="session")
def reference(reference_file: Path) -> Reference:
    """What stands in it."""
    return read(reference_file)
