"""Which labels count: those that a person set on the very commit that is judged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from review.ci.api import GitHub as Client
from review.ci.pull import Run, pull_of
from tests.workflows import events
from tests.workflows.api.state import Json
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin

REPRODUCE, POLICY = "reproduce", "approve: policy"


class Branch:
    """A pull request's branch in time: pushes that start runs, and labels, one a minute."""

    def __init__(self, origin: Origin, github: GitHub, write: Callable[[Files], Path]) -> None:
        self.origin, self.github, self.write = origin, github, write
        self.minute, self.runs = 0, 0

    def now(self) -> str:
        """The next minute."""
        self.minute += 1
        return f"2026-11-21T10:{self.minute:02}:00Z"

    def push(self, text: str, runs: bool = True) -> str:
        """A commit with this text; its id."""
        return self.to(self.origin.push(self.write({"file": text}), "change"), runs)

    def to(self, head: str, runs: bool = True, forced: bool = False) -> str:
        """The branch at a commit that is there already."""
        self.origin.git("update-ref", "refs/heads/change", head)
        self.origin.pull(1, "change")
        if 1 not in self.github.state.pulls:
            self.github.pull(1, "change", author="author")["created_at"] = "2026-11-21T10:00:00Z"
        self.github.state.pulls[1]["head_sha"] = head
        if forced:
            self._event("head_ref_force_pushed")
        if runs:
            self.runs += 1
            self.github.run(self.runs, name="experiment", head_sha=head, head_branch="change", created_at=self.now())
        return head

    def _event(self, kind: str) -> None:
        self.github.label(1, "some label", "author", at=self.now())
        event: Json = self.github.state.events[1][-1]
        event["event"] = kind
        del event["label"]

    def label(self, name: str, actor: str = "maintainer") -> None:
        """A label, set now."""
        self.github.label(1, name, actor, at=self.now())

    @property
    def labels(self) -> frozenset[str]:
        """The labels that count for the present head."""
        token = self.github.token("reads", {"contents": "read", "actions": "read", "pull_requests": "read"})
        run = Run.of(events.workflow_run(self.github, self.runs).payload)
        pull = pull_of(Client(self.github.name, token, self.github.url), run)
        assert pull is not None
        return pull.labels


@pytest.fixture
def branch(origin: Origin, github: GitHub, write: Callable[[Files], Path]) -> Branch:
    """A branch with one commit, pushed."""
    made = Branch(origin, github, write)
    made.push("first")
    return made


def test_a_label_counts_for_the_commit_it_was_set_on(branch: Branch) -> None:
    """Set after the push it counts, after the next push it does not, set anew it does."""
    branch.label(REPRODUCE)
    branch.label(POLICY)
    assert branch.labels == {REPRODUCE, POLICY}
    branch.push("second")
    assert branch.labels == set()
    branch.label(POLICY)
    assert branch.labels == {POLICY}


def test_a_label_that_was_taken_off_does_not_count(branch: Branch) -> None:
    """Nor does one of another name."""
    branch.label(POLICY)
    branch.label("bug")
    branch.github.unlabel(1, POLICY, "maintainer", at=branch.now())
    assert branch.labels == set()


@pytest.mark.parametrize("actor", ["author", "github-actions[bot]", "some-app[bot]"])
def test_only_another_person_approves(branch: Branch, actor: str) -> None:
    """The author's own approval is none, nor is a bot's, in whose name a workflow of the branch could act."""
    branch.label(POLICY, actor)
    branch.label(REPRODUCE, "author")
    assert branch.labels == {REPRODUCE}


def test_a_commit_that_is_pushed_again_does_not_inherit(branch: Branch) -> None:
    """B, then A by force, the label on A, then B again by force: nobody approved B."""
    bad = branch.push("bad")
    branch.to(branch.origin.sha("refs/heads/change^"), forced=True)
    branch.label(POLICY)
    assert branch.labels == {POLICY}
    branch.to(bad, forced=True)
    assert branch.labels == set()


def test_a_commit_without_a_run_lends_its_label_to_nobody(branch: Branch) -> None:
    """B, then A by force without a run, the label on A, then B again: A's label does not count for B."""
    bad = branch.push("bad")
    branch.to(branch.origin.sha("refs/heads/change^"), runs=False, forced=True)
    branch.label(POLICY)
    branch.to(bad, runs=False, forced=True)
    assert branch.labels == set()


def test_a_commit_on_top_without_a_run_lends_its_label_to_nobody(branch: Branch) -> None:
    """B with a run, A on top without one, the label on A, then back to B by force: it does not count for B."""
    head = branch.origin.sha("refs/heads/change")
    branch.push("harmless", runs=False)
    branch.label(POLICY)
    branch.to(head, runs=False, forced=True)
    assert branch.labels == set()


def test_a_run_of_a_branch_of_the_same_name_in_a_fork_is_another_branch(branch: Branch) -> None:
    """Runs of somebody else's branch say nothing of this one's commits."""
    branch.label(POLICY)
    fork = branch.origin.fork("outsider/verdict")
    branch.github.run(
        99,
        name="experiment",
        head_sha="f" * 40,
        head_branch="change",
        head_repo=fork,
        created_at="2026-11-21T10:02:30Z",
    )
    assert branch.labels == {POLICY}


def test_a_run_by_hand_of_a_tag_of_the_same_name_says_nothing_of_the_branch(branch: Branch) -> None:
    """A run of a tag `change` at B, the label on A, then B pushed plainly: nobody approved B."""
    first = branch.origin.sha("refs/heads/change")
    bad = branch.push("bad", runs=False)
    branch.to(first, runs=False)
    branch.github.run(
        90,
        name="experiment",
        head_sha=bad,
        head_branch="change",
        event="workflow_dispatch",
        created_at=branch.now(),
    )
    branch.label(POLICY)
    branch.to(bad)
    assert branch.labels == set()


def test_a_run_from_before_the_pull_request_says_nothing(branch: Branch) -> None:
    """B ran in an earlier pull request of the branch; the label is on A, and B pushed again is not approved."""
    first = branch.origin.sha("refs/heads/change")
    bad = branch.push("bad")
    branch.to(first, runs=False)
    branch.github.state.pulls[1]["created_at"] = branch.now()
    branch.label(POLICY)
    branch.to(bad)
    assert branch.labels == set()


def test_who_pushed_the_commit_does_not_approve_it(branch: Branch) -> None:
    """A colleague who pushes to the author's branch is an author of that commit, too."""
    head = branch.push("by a colleague", runs=False)
    branch.runs += 1
    who, at = "colleague", branch.now()
    branch.github.run(branch.runs, name="experiment", head_sha=head, head_branch="change", created_at=at, actor=who)
    branch.label(POLICY, "colleague")
    assert branch.labels == set()
    branch.label(POLICY, "maintainer")
    assert branch.labels == {POLICY}
