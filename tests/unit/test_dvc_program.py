"""Tests of verdict/repo/dvc.py, with a function in the place of DVC's program."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from verdict.base.errors import VerdictError
from verdict.repo.dvc import dvc

RACE = "ERROR: failed to push cache: An HTTP Client raised an unhandled exception: Timeout should be used inside a task"


def fail_with(monkeypatch: pytest.MonkeyPatch, *errors: str) -> list[str]:
    """Have DVC end with each error in turn, an empty one being success; returns those that it came to."""
    seen: list[str] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        seen.append(errors[len(seen)])
        return subprocess.CompletedProcess(command, bool(seen[-1]), "done", seen[-1])

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_race_of_the_s3_client_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that ends by the client's own race is run once more, and its output is that of the second run."""
    seen = fail_with(monkeypatch, RACE, "")
    assert dvc(Path(), "push") == "done"
    assert seen == [RACE, ""]


@pytest.mark.parametrize("errors", [["ERROR: no such bucket"], [RACE, RACE]])
def test_other_errors_and_a_second_race_end_it(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    """An error that is no race is told at once, and a race that comes twice is told, too."""
    seen = fail_with(monkeypatch, *errors)
    with pytest.raises(VerdictError, match="dvc push"):
        dvc(Path(), "push")
    assert seen == errors
