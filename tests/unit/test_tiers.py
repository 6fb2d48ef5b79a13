"""Tests of an optional tier skip with a reason in `make test`, and fail in their own target of make."""

import pytest

from tests import tiers
from tests.conftest import ROOT
from tests.documents import load


def test_a_tier_runs_in_its_own_target_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, or with another tier's name in it, all is skipped, with the command that runs it."""
    for value in ("", "mlflow"):
        monkeypatch.setenv(tiers.VARIABLE, value)
        with pytest.raises(pytest.skip.Exception, match="make images"):
            tiers.tier("images")
    monkeypatch.setenv(tiers.VARIABLE, "images")
    tiers.tier("images")


def test_what_is_missing_is_a_skip_and_in_a_tier_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing program or module is neither; a missing one is reported with the way to get it."""
    monkeypatch.delenv(tiers.VARIABLE, raising=False)
    tiers.need("git", "apt-get install git")
    tiers.need("json", "Python has it")
    with pytest.raises(pytest.skip.Exception, match="no_such_thing is missing: build it"):
        tiers.need("no_such_thing", "build it")
    monkeypatch.setenv(tiers.VARIABLE, "images")
    with pytest.raises(pytest.fail.Exception, match="no_such_thing is missing: build it"):
        tiers.need("no_such_thing", "build it")


def test_the_targets_name_their_tier() -> None:
    """A target of make sets the variable to its own name, and the job of tests.yml calls that target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    jobs = load(ROOT / ".github/workflows/tests.yml")["jobs"]
    assert f"\t{tiers.VARIABLE}=images pytest tests/images" in makefile
    assert any("make images" in step.get("run", "") for step in jobs["images"]["steps"])
