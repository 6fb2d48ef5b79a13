"""Shared folders of a run are made once, and after a failure no worker waits."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.shared import once

_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "load")
# One test for each worker, which both need the same folder.
_BOTH = """
import pytest
from pathlib import Path
from tests.shared import once

def build(folder):
    folder.mkdir()
    with Path(__file__).with_name("built").open("a") as file:
        file.write("x")
    {end}

@pytest.mark.parametrize("number", [1, 2])
def test_needs_it(number, tmp_path_factory, worker_id):
    Path(__file__).with_name(worker_id).touch()
    assert once(tmp_path_factory.getbasetemp(), "base", build).is_dir()
"""


def both(folder: Path, end: str) -> subprocess.CompletedProcess[str]:
    """Two workers that need a folder, the making of which ends in such a way."""
    (folder / "test_both.py").write_text(_BOTH.format(end=end), encoding="utf-8")
    command = [*_PYTEST, "--basetemp", str(folder / "temp"), "--rootdir", str(folder), str(folder / "test_both.py")]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)


def test_two_workers_make_it_once(tmp_path: Path) -> None:
    """Two workers of a run that need the same folder get one that was made once."""
    process = both(tmp_path, end="pass")
    assert "2 passed" in process.stdout, process.stdout
    assert [(tmp_path / worker).exists() for worker in ("gw0", "gw1")] == [True, True]
    assert (tmp_path / "built").read_text(encoding="utf-8") == "x"


def test_a_failure_is_everybodys(tmp_path: Path) -> None:
    """A folder that could not be made fails the tests of the other worker, too, with the same reason."""
    process = both(tmp_path, end="raise RuntimeError('no such flour')")
    assert "2 failed" in process.stdout
    assert process.stdout.count("RuntimeError: no such flour") >= 2, process.stdout
    assert (tmp_path / "built").read_text(encoding="utf-8") == "x"


def test_what_was_left_half_made_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose making was killed is not taken for a whole one."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    half = tmp_path / "shared" / "base"
    half.mkdir(parents=True)
    (half / "half").touch()

    def build(folder: Path) -> None:
        folder.mkdir()
        (folder / "whole").touch()

    assert [path.name for path in once(tmp_path, "base", build).iterdir()] == ["whole"]
