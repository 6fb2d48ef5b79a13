"""Main itself: what is merged must be true, every night it still must be, and a merge group is judged like a change."""

from pathlib import Path

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.workflows.github_project import Change
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import Origin
from tests.workflows.pull_requests import JUDGED, REPRODUCED, perfect_predictions, top_level

_DIFFERS = "evaluate: data/predictions: committed "


def merged(project: InProcessProject, change: Change) -> None:
    """An unjudged change on main."""
    change(project.clone)
    project.clone.commit("Straight to main")
    project.origin.push(project.clone.path, "main")


def saved(origin: Origin) -> set[Path]:
    """Every entry of actions/cache with results; the other kind holds what runs took."""
    return set(origin.caches.rglob("dvc-*.tar"))


def attributed(clone: Clone) -> None:
    """The results of one seed under the name of another: a consistent lock, and each object is in main's cache."""
    set_params(clone, "train", seed=7)
    text = clone.lock().decode()
    assert "train.seed: 2014" in text
    (clone.path / "dvc.lock").write_text(text.replace("train.seed: 2014", "train.seed: 7"), encoding="utf-8")


def test_a_false_lock_on_main_fails_loudly(project: InProcessProject) -> None:
    """By act: consistent, of true objects, pushed past the judge: the job names stage and output, and keeps nothing."""
    before = saved(project.origin)
    merged(project, attributed)
    ran = project.act.main()
    assert ran.jobs["reproduce"] == "failure", ran.log
    assert "train: models/classifier: committed " in ran.log
    assert "dvc.lock of main: is not what running gives" in ran.log
    assert ran.steps["reproduce"]["Push to the remote"] == "skipped"
    assert saved(project.origin) == before


def test_the_audit_keeps_one_issue_until_main_is_true(project: InProcessProject) -> None:
    """By act it opens one with stage, figure and hardware; a night that ends early updates it; later ones close it."""
    honest = project.origin.sha("main")
    merged(project, perfect_predictions)
    ran = project.act.audit()
    assert ran.jobs == {"reproduce": "success", "report": "success"}, ran.log
    (issue,) = project.github.issues
    assert [label["name"] for label in issue["labels"]] == ["audit"]
    assert issue["state"] == "open"
    assert _DIFFERS in issue["body"]
    assert "overall.weighted_f1: committed 1.0000, reproduced 0." in issue["body"]
    assert "hardware_class: " in issue["body"]
    merged(project, lambda clone: set_params(clone, "train", seed=7))
    ran = project.audit()
    assert ran.jobs == {"reproduce": "failure", "report": "success"}, ran.log
    (issue,) = project.github.issues
    assert "did not come to its end" in issue["body"]
    assert issue["state"] == "open"
    project.origin.git("update-ref", "refs/heads/main", honest)
    ran = project.audit()
    assert ran.jobs == {"reproduce": "success", "report": "success"}, ran.log
    assert "Running stage 'prepare'" in ran.log
    assert "main is true: running " in ran.log
    (issue,) = project.github.issues
    assert issue["state"] == "closed"
    assert "again" in project.github.comments(issue["number"])[-1]["body"]
    project.report_audit(ran.run_id)  # another night of that kind
    assert [one["state"] for one in project.github.issues] == ["closed"]


def test_a_merge_group_is_judged_on_its_own_commit(project: InProcessProject) -> None:
    """By act: run from main's results; the queue waits for the group's check, and no pull request has a comment."""
    project.propose(lambda clone: set_params(clone, "gate", max_artifact_mb=30.0))
    project.experiment(bundle_files=project.honest())
    project.label(1, "approve: policy")
    ran, head = project.act.group(project.origin.queue(1))
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "Running stage" not in ran.log
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    (check,) = project.github.check_runs(head)
    assert (check["name"], check["conclusion"]) == ("verdict (advisory)", "success")
    assert project.checks() == []
    assert project.github.comments(1) == []
