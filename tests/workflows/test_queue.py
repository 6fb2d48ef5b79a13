"""The merge queue with two entries: the second is compared with the first, by any merge method."""

from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import git
from tests.workflows.pull_requests import NOT_NEEDED, REPRODUCED, documentation, other_seed, top_level
from verdict.ci.judge import ingest, queue

METHODS = ("merge", "squash", "rebase")


def policy(clone: Clone) -> None:
    """Another rule, for which a person must be asked."""
    set_params(clone, "gate", max_artifact_mb=30.0)


def queued(project: InProcessProject, number: int, **more: str) -> str:
    """The branch of a pull request's group."""
    return project.origin.queue(number, **more)


def judged(project: InProcessProject, ref: str, files: dict[str, bytes] | None, **more: str) -> tuple[str, str]:
    """The check on a group's commit, after a run with this bundle."""
    head = project.origin.sha(ref)
    named = {"head_branch": ref.removeprefix("refs/heads/"), "event": "merge_group", **more}
    project.report(project.add_finished_run(head, files, **named))
    check = project.github.check_runs(head)[-1]
    return check["conclusion"], check["output"]["title"] + check["output"]["summary"]


def commit(clone: Clone, change: Callable[[Clone], object]) -> None:
    """Make a commit below the proposed change."""
    change(clone)
    clone.commit("First of two")


def back_to_main(project: InProcessProject) -> None:
    """The clone is main again: what comes next is another pull request."""
    git(project.clone.path, "reset", "--quiet", "--hard", project.origin.sha("main"))


@pytest.fixture
def first(project: InProcessProject) -> InProcessProject:
    """A team whose pull request 1 changes the policy, by two commits, and is approved."""
    commit(project.clone, documentation)
    project.propose(policy, 1, "first")
    project.experiment(1, bundle_files=project.honest())
    project.label(1, "approve: policy")
    back_to_main(project)
    return project


@pytest.mark.parametrize("method", METHODS)
def test_the_second_is_not_charged_with_what_the_first_changes(first: InProcessProject, method: str) -> None:
    """A page of documentation behind an approved change of the policy is unchanged, and the verdict names both."""
    one = queued(first, 1, method=method)
    commit(first.clone, lambda clone: (clone.path / "docs" / "other.md").write_text("Another page.\n"))
    first.propose(lambda clone: (clone.path / "docs" / "third.md").write_text("One more.\n"), 2, "second")
    ran, head = first.group(queued(first, 2, ahead=one, method=method))
    assert top_level(ran.jobs) == NOT_NEEDED, ran.log
    first.report(ran)
    (check,) = first.github.check_runs(head)
    title = "Pass: unchanged, nothing that the pipeline reads differs from the queue up to #1"
    assert (check["conclusion"], check["output"]["title"]) == ("success", title)
    assert f" at <code>{first.origin.sha(one)[:10]}</code>" in check["output"]["summary"]


@pytest.mark.parametrize("method", METHODS)
def test_an_approval_counts_in_the_group_of_its_pull_request(first: InProcessProject, method: str) -> None:
    """An approval on the head counts in the group, by any merge method."""
    assert judged(first, queued(first, 1, method=method), first.honest())[0] == "success"


def test_an_approval_of_the_first_is_none_of_the_second(first: InProcessProject) -> None:
    """Another change of the policy behind an approved one needs an approval of its own, and fails by itself alone."""
    one, files = queued(first, 1, method="rebase"), first.honest()
    first.propose(lambda clone: set_params(clone, "gate", max_seconds_per_1k=9.0), 2, "second")
    first.experiment(2, bundle_files=files)
    two = queued(first, 2, ahead=one, method="rebase")
    conclusion, said = judged(first, two, files)
    assert conclusion == "failure"
    assert "gate.max_seconds_per_1k" in said
    assert "gate.max_artifact_mb" not in said
    first.label(2, "approve: policy")
    assert judged(first, two, files)[0] == "success"


def test_a_rebased_group_of_two_commits_is_run_and_judged_whole(first: InProcessProject) -> None:
    """A new model in the first commit and a page in the second: both are compared with what the group was built on."""
    one = queued(first, 1, method="rebase")
    commit(first.clone, other_seed)
    first.propose(lambda clone: (clone.path / "docs" / "third.md").write_text("One more.\n"), 2, "second")
    ran, head = first.group(queued(first, 2, ahead=one, method="rebase"), bundle_files=first.honest())
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    first.report(ran)
    (check,) = first.github.check_runs(head)
    assert check["conclusion"] == "success", check["output"]
    assert check["output"]["title"].endswith("compared with the queue up to #1")


@pytest.fixture
def stacked(project: InProcessProject) -> tuple[InProcessProject, str, str, dict[str, bytes], dict[str, bytes]]:
    """Pull request 1 with another model, 2 on top that takes it back; their groups, and the bundles of their runs."""
    main, theirs = project.origin.sha("main"), project.honest()
    project.propose(other_seed, 1, "first")
    files = project.honest()
    project.propose(lambda clone: clone.run("git", "checkout", "--quiet", main, "--", "."), 2, "second")
    one = queued(project, 1)
    return project, one, queued(project, 2, ahead=one), files, theirs


def test_results_of_the_first_come_from_its_run_as_data(
    stacked: tuple[InProcessProject, str, str, dict[str, bytes], dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the first brings a model, the judge of the second waits for its run, takes its bundle, and runs nothing."""
    project, one, two, files, theirs = stacked
    monkeypatch.setattr(ingest, "run_main_stages", lambda *_: pytest.fail("code of the queue was run"))
    branch = one.removeprefix("refs/heads/")
    run = project.add_finished_run(project.origin.sha(one), files, head_branch=branch, event="merge_group")
    project.github.state.runs[run].update(status="in_progress", conclusion=None)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        project.github.state.runs[run].update(status="completed", conclusion="success")

    monkeypatch.setattr(queue, "sleep", sleep)
    conclusion, said = judged(project, two, theirs)
    assert (conclusion, len(slept)) == ("success", 1), said
    assert "the queue up to #1" in said


def test_without_results_of_the_first_there_is_no_verdict(
    stacked: tuple[InProcessProject, str, str, dict[str, bytes], dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its run has no bundle, or one that its dvc.lock does not name, that is reported, and its code is not run."""
    project, one, two, _, theirs = stacked
    monkeypatch.setattr(ingest, "run_main_stages", lambda *_: pytest.fail("code of the queue was run"))
    for brought in (None, theirs):
        branch = one.removeprefix("refs/heads/")
        project.add_finished_run(project.origin.sha(one), brought, head_branch=branch, event="merge_group")
        conclusion, said = judged(project, two, theirs)
        assert conclusion == "action_required"
        assert "nor did the runs of the groups ahead hand it over" in said
        assert "is merged or out of the queue, then add this pull request again" in said


def test_a_group_on_anything_else_is_not_judged(first: InProcessProject) -> None:
    """A base that is neither main nor a group of this queue on main is not compared with."""
    one = queued(first, 1)
    first.propose(documentation, 2, "second")
    two = queued(first, 2, ahead=one)
    first.origin.git("update-ref", "-d", one)
    conclusion, said = judged(first, two, None)
    assert conclusion == "action_required"
    assert "neither main nor a group on top of it" in said
    stray = first.origin.git("commit-tree", f"{one.rpartition('-')[2]}^{{tree}}", "-m", "Of another history")
    first.origin.git("update-ref", "refs/heads/gh-readonly-queue/main/pr-9-" + "a" * 40, stray)
    three = f"refs/heads/gh-readonly-queue/main/pr-2-{stray}"
    first.origin.git("update-ref", three, two)
    assert "neither main nor a group on top of it" in judged(first, three, None)[1]


def test_a_queue_that_merges_what_failed_is_not_judged(first: InProcessProject) -> None:
    """If only the last of a group must be green, the ones ahead would be merged unjudged."""
    one = queued(first, 1)
    first.propose(documentation, 2, "second")
    two = queued(first, 2, ahead=one)
    numbers = ("check_response_timeout_minutes", "min_entries_to_merge", "min_entries_to_merge_wait_minutes")
    known = {**dict.fromkeys((*numbers, "max_entries_to_build", "max_entries_to_merge"), 5), "merge_method": "MERGE"}
    for strategy, conclusion in (("HEADGREEN", "action_required"), ("ALLGREEN", "success")):
        rule = {"type": "merge_queue", "parameters": {**known, "grouping_strategy": strategy}}
        first.github.state.rules = [rule]
        assert judged(first, two, None, conclusion="success")[0] == conclusion


def test_what_the_first_leads_to_is_not_followed(project: InProcessProject) -> None:
    """A setting of DVC that the first brings is refused for the second, too, which has it below it."""
    project.propose(lambda clone: (clone.path / "docs" / "link").symlink_to("/etc/passwd"), 1, "first")
    one = queued(project, 1)
    back_to_main(project)
    project.propose(documentation, 2, "second")
    conclusion, said = judged(project, queued(project, 2, ahead=one), None, conclusion="success")
    assert conclusion == "action_required"
    assert "the judge does not follow it" in said


def test_the_queue_of_another_branch_is_not_judged(project: InProcessProject) -> None:
    """Its check would be about that branch, and count for the same commit in a pull request into main."""
    project.origin.git("update-ref", "refs/heads/release", project.origin.sha("main"))
    project.propose(documentation, 1, "first")
    ref = project.origin.queue(1, base="release")
    head = project.origin.sha(ref)
    project.report(
        project.add_finished_run(head, None, head_branch=ref.removeprefix("refs/heads/"), event="merge_group")
    )
    assert project.github.check_runs(head) == []
