"""Tests of verdict/classifier/training/checkpoints.py: paths and owners of training states."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.classifier.training import checkpoints


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ".checkpoints"),
        ({"DVC_ROOT": "/repository"}, "/repository/.checkpoints"),
        ({"DVC_ROOT": "/repository", "VERDICT_CHECKPOINTS": "/shared"}, "/shared"),
    ],
)
def test_states_lie_where_they_outlive_the_run(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    """In the repository that started an experiment, or in the folder that is asked for."""
    for name in ("DVC_ROOT", "VERDICT_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert checkpoints.folder() == Path(expected)


def test_a_state_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    """A second holder is refused with the file's name, until the first lets go; then both files can be removed."""
    state = tmp_path / "states" / "one.safetensors"
    with checkpoints.acquire(state), pytest.raises(VerdictError, match=r"one\.safetensors: another process"):
        checkpoints.acquire(state)
    checkpoints.acquire(state).release()
    state.touch()
    checkpoints.delete([state])
    assert list(state.parent.iterdir()) == []


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    """The system's lock ends with the process that held it, however that ends."""
    state = tmp_path / "one.safetensors"
    code = (
        "import sys; from pathlib import Path; from verdict.classifier.training import checkpoints\n"
        "held = checkpoints.acquire(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(state)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(VerdictError, match="another process is at this very training"):
        checkpoints.acquire(state)
    holder.kill()
    holder.communicate()
    checkpoints.acquire(state).release()
