"""main.yml notices that the audit no longer runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.workflows.api.state import instant
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub as Client
from verdict.ci.overdue import require_audited

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def audited(origin: Origin, github: GitHub, write: Callable[[Files], Path]) -> GitHub:
    """A repository with the audit, which is there since half a year."""
    text = (ROOT / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8")
    origin.push(write({".github/workflows/audit.yml": text}), "main")
    github.state.workflows["audit.yml"] = {"created_at": "2026-05-01T00:00:00Z"}
    return github


def ran(github: GitHub, days: float, conclusion: str | None = "success", branch: str = "main") -> None:
    """An audit of so many days ago."""
    number, at = len(github.state.runs) + 1, instant(NOW - timedelta(days=days))
    sha = str(github.state.find("main"))
    github.run(
        number,
        workflow="audit.yml",
        event="schedule",
        head_sha=sha,
        head_branch=branch,
        conclusion=conclusion,
        created_at=at,
    )["updated_at"] = at


def looked(github: GitHub) -> None:
    """The check of main.yml."""
    token = github.token("looks", {"contents": "read", "actions": "read"})
    require_audited(Client(github.name, token, github.url), NOW)


@pytest.mark.parametrize("conclusion", ["success", "failure", "timed_out"])
def test_an_audit_of_these_nights_is_enough(audited: GitHub, conclusion: str) -> None:
    """It ended, with any result: its issue reports that."""
    ran(audited, 90)
    ran(audited, 1.2, conclusion)
    looked(audited)


def test_a_young_repository_has_had_no_night_yet(audited: GitHub) -> None:
    """Without any run, the age of the workflow counts."""
    audited.state.workflows["audit.yml"]["created_at"] = instant(NOW - timedelta(days=2))
    looked(audited)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "last ran to its end on 26 September 2026"),
        ({"conclusion": "cancelled"}, "last ran to its end on 26 September 2026"),
        ({"conclusion": "skipped"}, "last ran to its end on 26 September 2026"),
        ({"conclusion": None}, "last ran to its end on 26 September 2026"),
        ({"branch": "topic"}, "last ran to its end on 26 September 2026"),
    ],
)
def test_an_audit_of_long_ago_is_overdue(audited: GitHub, more: dict[str, str | None], said: str) -> None:
    """Nor is one of these nights that was cancelled, skipped, hangs, or was of another branch."""
    ran(audited, 60)
    if more:
        ran(audited, 0.5, **more)  # type: ignore[arg-type]
    with pytest.raises(VerdictError, match=said) as caught:
        looked(audited)
    assert "gh workflow run audit.yml" in caught.value.remedy


def test_an_audit_that_never_ran_is_overdue(audited: GitHub) -> None:
    """A runner that is not there keeps every night waiting."""
    with pytest.raises(VerdictError, match="never ran, and is there since 01 May 2026"):
        looked(audited)


@pytest.mark.parametrize("state", ["disabled_inactivity", "disabled_manually"])
def test_an_audit_that_is_switched_off_is_overdue(audited: GitHub, state: str) -> None:
    """Even if it ran last night; the remedy names how to switch it on."""
    ran(audited, 0.5)
    audited.state.workflows["audit.yml"]["state"] = state
    with pytest.raises(VerdictError, match=state.replace("_", " ")) as caught:
        looked(audited)
    assert "gh workflow enable audit.yml" in caught.value.remedy
