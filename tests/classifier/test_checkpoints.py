"""Tests of verdict/classifier/training/checkpoints.py: where states lie, and whose they are."""

from pathlib import Path

import pytest

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
    with checkpoints.hold(state), pytest.raises(VerdictError, match=r"one\.safetensors: another process"):
        checkpoints.hold(state)
    checkpoints.hold(state).close()
    state.touch()
    checkpoints.forget([state])
    assert list(state.parent.iterdir()) == []
