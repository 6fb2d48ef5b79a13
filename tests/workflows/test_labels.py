"""Labels count only if a person set them on the very commit that is judged."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflows import events
from tests.workflows.api.state import Json
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from verdict.ci.github import pull_request
from verdict.ci.github.client import GitHub as Client
from verdict.ci.github.pull_request import Run, find_pull
from verdict.ci.judge.merge import is_update

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
        run = Run.from_event(events.workflow_run(self.github, self.runs).payload)
        main = self.origin.sha("main")
        found = find_pull(
            Client(self.github.name, token, self.github.url),
            run,
            lambda _, commit: is_update(self.origin.folder, main, commit),
        )
        assert found is not None
        return found.labels


@pytest.fixture
def branch(origin: Origin, github: GitHub, write: Callable[[Files], Path]) -> Branch:
    """A branch with one commit, pushed."""
    made = Branch(origin, github, write)
    made.push("first")
    return made


def test_a_label_counts_for_the_commit_it_was_set_on(branch: Branch) -> None:
    """It counts after the push, not after the next push, and again once it is set again."""
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
    """After pushes of B, A by force, the label on A, and B by force, B is not approved."""
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
    """Runs of a fork's branch say nothing about this branch's commits."""
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
    """After a run of a tag `change` at B, the label on A, and a plain push of B, B is not approved."""
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


COLLEAGUE = "colleague"


def pushed(branch: Branch, text: str, who: str, writers: tuple[str | None, str | None] = ("author", "author")) -> str:
    """A pushed commit with GitHub's accounts for author and committer."""
    head = branch.push(text, runs=False)
    branch.github.state.writers[head] = writers
    return ran(branch, head, who)


def ran(branch: Branch, head: str, who: str) -> str:
    """The run of a push, or of a label."""
    branch.runs += 1
    at = branch.now()
    branch.github.run(branch.runs, name="experiment", head_sha=head, head_branch="change", created_at=at, actor=who)
    return head


def test_who_pushed_the_commit_does_not_approve_it(branch: Branch) -> None:
    """A colleague who pushes to the author's branch is an author of that commit, too."""
    pushed(branch, "by a colleague", COLLEAGUE)
    branch.label(POLICY, COLLEAGUE)
    assert branch.labels == set()
    branch.label(POLICY, "maintainer")
    assert branch.labels == {POLICY}


@pytest.mark.parametrize("on_top", ["some-app[bot]", "author", "maintainer"])
def test_whoever_pushes_on_top_makes_nobody_a_reviewer(branch: Branch, on_top: str) -> None:
    """A colleague's commit stays the colleague's, also below a commit of a bot or another person."""
    pushed(branch, "by a colleague", COLLEAGUE)
    pushed(branch, "on top", on_top, (on_top, on_top))
    branch.label(POLICY, COLLEAGUE)
    assert branch.labels == set()


@pytest.mark.parametrize("writers", [(COLLEAGUE, "author"), ("author", COLLEAGUE), (COLLEAGUE, "web-flow")])
def test_who_wrote_or_committed_any_commit_does_not_approve(branch: Branch, writers: tuple[str, str]) -> None:
    """Somebody else's push of a colleague's commit leaves it the colleague's."""
    pushed(branch, "by a colleague", "author", writers)
    pushed(branch, "on top", "author")
    branch.label(POLICY, COLLEAGUE)
    assert branch.labels == set()


def test_who_pushed_what_is_not_there_any_more_does_not_approve(branch: Branch) -> None:
    """After a rewrite by force, earlier pushers and the one who forced it count as authors."""
    first = branch.origin.sha("refs/heads/change")
    pushed(branch, "by a colleague", COLLEAGUE)
    branch.to(first, forced=True)
    branch.label(POLICY, COLLEAGUE)
    assert branch.labels == set()
    branch.label(POLICY, "author")
    assert branch.labels == set()
    branch.label(POLICY)
    assert branch.labels == {POLICY}


def test_who_set_a_label_on_an_earlier_commit_may_approve(branch: Branch) -> None:
    """The run that a label starts makes its actor no pusher."""
    ran(branch, branch.origin.sha("refs/heads/change"), "maintainer")
    pushed(branch, "another", "author")
    branch.label(POLICY)
    assert branch.labels == {POLICY}


def updated(branch: Branch, who: str, text: str = "") -> str:
    """Main moves on and *Update branch* merges it; with a text, the merge adds that beyond merging."""
    origin = branch.origin
    base = origin.sha("main")
    moved = origin.git("commit-tree", f"{base}^{{tree}}", "-p", base, "-m", "Somebody else's")
    origin.git("update-ref", "refs/heads/main", moved)
    below = origin.sha("refs/heads/change")
    tree = f"{below}^{{tree}}" if not text else f"{base}^{{tree}}"
    head = origin.git("commit-tree", tree, "-p", below, "-p", moved, "-m", "Merge branch main")
    branch.to(head, runs=False)
    branch.github.state.writers[head] = (who, "web-flow")
    return ran(branch, head, who)


def test_who_updates_the_branch_may_approve(branch: Branch) -> None:
    """GitHub's merge of main contains no work of the person who presses the button."""
    updated(branch, "maintainer")
    branch.label(POLICY)
    assert branch.labels == {POLICY}


def test_a_merge_that_holds_more_makes_an_author(branch: Branch) -> None:
    """A merge of main with other files than merging gives has an author."""
    updated(branch, "maintainer", "something else")
    branch.label(POLICY)
    assert branch.labels == set()


def test_a_push_that_ends_in_a_merge_of_main_makes_a_pusher(branch: Branch) -> None:
    """Commits that arrive below such a merge, under the author's name, are the pusher's."""
    branch.push("in the author's name", runs=False)
    updated(branch, "maintainer")
    branch.label(POLICY)
    assert branch.labels == set()


def test_nobody_approves_more_commits_than_github_lists(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authors of a longer pull request are unknown."""
    monkeypatch.setattr(pull_request, "_MOST_COMMITS", 2)
    branch.label(POLICY)
    assert branch.labels == {POLICY}
    branch.push("second")
    branch.label(POLICY)
    assert branch.labels == set()


def test_nobody_approves_a_branch_with_more_runs_than_github_lists(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each label starts a run; once the first runs are off the list, the pushers are unknown."""
    branch.label(POLICY)
    assert branch.labels == {POLICY}
    monkeypatch.setattr(pull_request, "_MOST_RUNS", branch.runs)
    assert branch.labels == set()


def test_of_a_fork_that_is_gone_no_label_counts(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    """B ran in another fork's branch of that name, the label is on A, B is pushed, and both forks are deleted."""
    first = branch.origin.sha("refs/heads/change")
    bad = branch.push("bad", runs=False)
    branch.to(first, runs=False)
    branch.github.run(90, name="experiment", head_sha=bad, head_branch="change", created_at=branch.now())
    branch.label(POLICY)
    branch.to(bad)
    assert branch.labels == {POLICY}  # where the run is one of this very branch
    whole = Client.pages

    def pages(*arguments: Any, **query: Any) -> Iterator[Json]:  # noqa: ANN401
        for item in whole(*arguments, **query):
            yield {
                **item,
                "head_repository": None,
                **({"head": {**item["head"], "repo": None}} if "head" in item else {}),
            }

    monkeypatch.setattr(Client, "pages", pages)
    assert branch.labels == set()
