"""Ways out of what is judged: files of a change that lead to other files, hosts, branches or commits."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.documents import save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.workflows import events
from tests.workflows.in_process import InProcessProject
from verdict.base.documents import dump
from verdict.base.outcome import CANNOT_JUDGE, PASS
from verdict.ci.github.client import GitHub as Client
from verdict.ci.publish.commit_results import commit_lock
from verdict.ci.publish.publish import publish
from verdict.ci.publish.verdict import Verdict, write
from verdict.repo.lock.check import check

Change = Callable[[Clone], object]


def judged(project: InProcessProject, run: int, folder: Path) -> tuple[Verdict, str]:
    """The judge, in this process, in a checkout of main at `folder`."""
    out = folder.parent / "verdict"
    shutil.rmtree(out, ignore_errors=True)
    found, report = project.judge(run, folder, out)
    assert found
    return found, report


def _put(path: str, content: str) -> Change:
    def put(clone: Clone) -> None:
        (clone.path / path).parent.mkdir(parents=True, exist_ok=True)
        (clone.path / path).write_text(content, encoding="utf-8")
        clone.run("git", "add", "--force", path)

    return put


def _dag(change: Callable[[dict[str, Any]], object]) -> Change:
    def edit(clone: Clone) -> None:
        dag = clone.dag()
        change(dag)
        save(clone.path / "dvc.yaml", dag)

    return edit


def _hash(path: str) -> str:
    return dump({"outs": [{"path": path, "md5": "c" * 32, "hash": "md5", "size": 3}]})


_IMPORT = {"deps": [{"path": "p.csv", "repo": {"url": "http://127.0.0.1:9/x"}}], "outs": [{"path": "p.csv"}]}
_CLOUD = {"deps": [{"path": "s3://b/x", "fs_config": {"endpointurl": "http://127.0.0.1:9"}}], "outs": [{"path": "x"}]}
_LEADING_OUT = {
    "an import from another repository": _put("imp/p.csv.dvc", dump(_IMPORT)),
    "an import from a bucket": _put("imp/x.dvc", dump(_CLOUD)),
    "a pointer out of its folder": _put("imp/x.dvc", _hash("../../x")),
    "settings of DVC": _put(".dvc/config.local", "[core]\n    site_cache_dir = /tmp/x\n"),
    "a second dvc.yaml": _put("sub/dvc.yaml", "stages: {}\n"),
    "variables of the machine": _dag(lambda dag: dag.update(vars=["/etc/hostname"])),
    "a dependency of the machine": _dag(lambda dag: dag["stages"]["train"]["deps"].append("/usr")),
    "a dependency in words": _dag(
        lambda dag: (dag.update(vars=[{"a": "/us"}]), dag["stages"]["train"]["deps"].append("${a}r"))
    ),
    "a metric of the machine": _dag(lambda dag: dag.update(metrics=["../../secret.json"])),
    "aliases": _put("params.yaml", "a: &a [1, 2]\nb: [*a, *a]\n"),
    "a link": lambda clone: (clone.path / "docs" / "link").symlink_to("/etc/passwd"),
    "a package before a module": _put("verdict/classifier/scores/metrics/__init__.py", "evil = 1\n"),
    "a compiled file": _put("verdict/classifier/scores/__pycache__/metrics.cpython-311.pyc", "evil"),
}


@pytest.mark.parametrize("change", _LEADING_OUT.values(), ids=_LEADING_OUT)
def test_what_leads_out_of_a_change_is_not_followed(project: InProcessProject, tmp_path: Path, change: Change) -> None:
    """The judge stops before DVC or Python reads such a file, and names it."""
    verdict, report = judged(project, project.add_finished_run(project.propose(change), None), tmp_path / "judge")
    assert verdict.code == CANNOT_JUDGE
    assert any(
        reason in report
        for reason in ("the judge does not follow it", "leads out of the repository", "params.yaml</b>: uses aliases")
    )


_UNNAMED = (
    "bottleneck.py",
    "numpy/__init__.py",
    "x.pth",
    "verdict/classifier/new.py",
    "requirements/encoder.txt",
    "Makefile",
)


@pytest.mark.parametrize("name", ["verdict/classifier/.gitattributes", "stages/.dvcignore", *_UNNAMED])
def test_what_the_dag_does_not_name_may_matter(project: InProcessProject, tmp_path: Path, name: str) -> None:
    """Changes of how files are read, of importable modules or of pins are never *unchanged* without a run."""
    run = project.add_finished_run(project.propose(_put(name, "# other\n")), None, conclusion="success")
    assert judged(project, run, tmp_path / "judge")[0].code != PASS


def test_a_branch_with_a_hash_does_not_move_main(project: InProcessProject, tmp_path: Path) -> None:
    """`main#x` is a branch like any other, though an address ends before its #."""
    head = project.propose(lambda clone: set_params(clone, "train", seed=7), branch="main#x")
    out = tmp_path / "verdict"
    (out / "lock").mkdir(parents=True)
    (out / "lock" / "dvc.lock").write_bytes(project.clone.lock())
    write(Verdict(1, "x", head, 1, "main#x", lock=True), out)
    main = project.origin.sha("main")
    token = project.github.token("lock", {"contents": "write"})
    commit = commit_lock(Client(project.github.name, token, project.github.url), out)
    assert project.origin.sha("main") == main
    assert project.origin.sha("refs/heads/main#x") == commit


def test_a_summary_is_measured_in_bytes(project: InProcessProject, tmp_path: Path) -> None:
    """GitHub refuses a check whose summary has more than 65,535 bytes, and then there would be none."""
    head = project.propose(lambda clone: None)
    run = project.add_finished_run(head, None)
    out = tmp_path / "verdict"
    out.mkdir()
    (out / "report.md").write_text("😀" * 60_000, encoding="utf-8")
    write(Verdict(1, "Fail", head, 1, "change"), out)
    token = project.github.token(
        "p", {"contents": "write", "checks": "write", "pull_requests": "write", "actions": "read"}
    )
    client = Client(project.github.name, token, project.github.url)
    publish(client, client, events.workflow_run(project.github, run).payload, out)
    (made,) = project.github.check_runs(head)
    assert len(made["output"]["summary"].encode()) <= 65_535


def test_an_approved_policy_passes_the_merge_queue(project: InProcessProject, tmp_path: Path) -> None:
    """An approval on the pull request's head counts in a group with nothing else."""
    head = project.propose(lambda clone: set_params(clone, "gate", max_artifact_mb=30.0))
    files = project.honest()
    run = project.add_finished_run(head, files)
    ref = project.origin.queue(1)
    branch = ref.removeprefix("refs/heads/")
    group = project.add_finished_run(project.origin.sha(ref), files, head_branch=branch, event="merge_group")
    assert judged(project, group, tmp_path / "judge")[0].code != PASS
    project.label(1, "approve: policy")
    assert judged(project, run, tmp_path / "judge")[0].code == PASS
    assert judged(project, group, tmp_path / "judge")[0].code == PASS


def test_a_stage_may_lose_an_output(project: InProcessProject, tmp_path: Path) -> None:
    """DVC skips a stage whose definition only lost something; the run from main's lock runs it all the same."""

    def slimmer(clone: Clone) -> None:
        dag = clone.dag()
        plots = dag["stages"]["evaluate"]["plots"]
        dag["stages"]["evaluate"]["plots"] = [plot for plot in plots if "plots/mistakes.json" not in plot]
        save(clone.path / "dvc.yaml", dag)
        clone.run("dvc", "repro", "--quiet", "--force", "--single-item", "evaluate")
        (clone.path / "plots/mistakes.json").unlink()
        assert check(clone.path) == []

    project.propose(slimmer)
    ran = project.experiment()
    verdict, report = judged(project, ran.run_id, tmp_path / "judge")
    assert verdict.code == PASS, report
