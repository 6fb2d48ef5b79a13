"""Publishing a verdict: by which check, and what an older verdict must not publish any more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows import events
from tests.workflows.api.state import Json
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from verdict.base.outcome import FAIL, PASS
from verdict.ci.github.client import GitHub as Client
from verdict.ci.publish.publish import publish
from verdict.ci.publish.verdict import Verdict, write

_OF_THE_APP = {"contents": "write", "checks": "write", "pull_requests": "write"}


class PublishedChange:
    """A pull request with a run of its head, and what the publisher makes of a verdict on it."""

    def __init__(self, origin: Origin, github: GitHub, write_files: Callable[[Files], Path], folder: Path) -> None:
        self.origin, self.github, self.write, self.folder = origin, github, write_files, folder
        self.head = self.push("first")
        github.pull(1, "change")
        self.run(5)

    def push(self, text: str) -> str:
        """A commit of the pull request."""
        self.origin.push(self.write({"file": text}), "change")
        return self.origin.pull(1, "change")

    def run(self, number: int, **more: object) -> None:
        """A run of experiment.yml of the first commit."""
        more = {"head_branch": "change", **more}
        self.github.run(number, name="experiment", head_sha=self.head, **more)  # type: ignore[arg-type]

    def publish(self, code: int, number: int = 5) -> tuple[str, int | None]:
        """The publisher of the comment on a verdict."""
        write(Verdict(code, "A title", self.head, 1, "change"), self.folder)
        return self.tell(events.workflow_run(self.github, number).payload)

    def tell(self, event: Json) -> tuple[str, int | None]:
        """Publish the verdict in the folder: with the App's token, which may not read runs, and the job's own."""
        app, job = self.github.token("app", _OF_THE_APP), self.github.token("job", {"actions": "read"})
        own, runs = (Client(self.github.name, token, self.github.url) for token in (app, job))
        return publish(own, runs, event, self.folder)

    @property
    def checks(self) -> list[tuple[str, str]]:
        """Names and conclusions."""
        return [(one["name"], one["conclusion"]) for one in self.github.check_runs(self.head)]


@pytest.fixture
def change(origin: Origin, github: GitHub, write: Callable[[Files], Path], tmp_path: Path) -> PublishedChange:
    """A pull request whose first commit was run."""
    (tmp_path / "verdict").mkdir()
    return PublishedChange(origin, github, write, tmp_path / "verdict")


def test_the_check_has_the_name_that_is_required_only_from_an_app(
    change: PublishedChange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one, it is called advisory, and so do comment and log."""
    monkeypatch.delenv("VERDICT_LOGIN", raising=False)
    change.publish(PASS)
    assert change.checks == [("verdict (advisory)", "success")]
    assert "must not be a required check" in (change.folder / "comment.md").read_text(encoding="utf-8")
    assert "::warning::no App sets the check" in capsys.readouterr().out
    monkeypatch.setenv("VERDICT_LOGIN", "verdict[bot]")
    change.publish(PASS)
    assert change.checks[1:] == [("verdict", "success")]
    assert "advisory" not in (change.folder / "comment.md").read_text(encoding="utf-8") + capsys.readouterr().out


@pytest.mark.parametrize("conclusion", [None, "success", "failure", "cancelled"])
def test_an_older_verdict_keeps_silent(change: PublishedChange, conclusion: str | None) -> None:
    """A run that was started later, such as for a label that was taken off, speaks; the earlier one is silent."""
    change.run(6, conclusion=conclusion)
    assert change.publish(PASS) == ("nobody", None)
    assert change.checks == []
    change.publish(FAIL, 6)
    assert [conclusion for _, conclusion in change.checks] == ["failure"]


def test_a_run_that_is_run_again_is_a_newer_one(change: PublishedChange) -> None:
    """Only the latest attempt of a run is published."""
    event = events.workflow_run(change.github, 5).payload
    change.run(5, attempt=2)
    write(Verdict(PASS, "A title", change.head, 1, "change"), change.folder)
    assert change.tell(event) == ("nobody", None)
    assert change.checks == []


@pytest.mark.parametrize(
    "more",
    [
        {"conclusion": "skipped"},
        {"conclusion": "action_required"},
        {"event": "push"},
        {"head_branch": "another"},
        {"head_repo": "outsider/verdict"},
    ],
)
def test_a_later_run_that_says_nothing_silences_nobody(change: PublishedChange, more: dict[str, object]) -> None:
    """One that did nothing, waits for leave, is of another event, or of another pull request with the same commit."""
    change.run(6, **more)
    assert change.publish(PASS)[1] == 1
    assert [conclusion for _, conclusion in change.checks] == ["success"]


def test_the_comment_is_of_the_present_head(change: PublishedChange) -> None:
    """A verdict on a commit that was pushed over gets its check, and leaves the comment alone."""
    change.push("second")
    assert change.publish(FAIL) == ("nobody", None)
    assert [conclusion for _, conclusion in change.checks] == ["failure"]
