"""A run of experiment.yml by hand, with other values than params.yaml has."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.workflows import act, events
from tests.workflows.in_process import InProcessProject
from tests.workflows.pull_requests import REPRODUCED, documentation, top_level
from tests.workflows.workflow import Workflow


def test_a_run_by_hand_takes_other_values_and_shows_its_report(project: InProcessProject) -> None:
    """By act: the stages that read the value run, from main's results, and the summary has the report, not judged."""
    project.propose(documentation)
    event = events.workflow_dispatch(project.github, {"params": "train.seed=7"}, branch="change")
    ran = act.run(project.origin, "experiment.yml", event, github=project.github, env=project.env)
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    log = ran.logs["gpu / reproduce"]
    assert "Running stage 'train'" in log
    assert "Running stage 'featurize'" not in log
    assert "no measurable difference" in ran.summaries["gpu / reproduce"]
    assert "<img" not in ran.summaries["gpu / reproduce"]
    assert project.checks() == []


def test_a_value_that_cannot_be_used_stops_it_before_any_work(project: InProcessProject, tmp_path: Path) -> None:
    """An attempt to reach the shell is a key that params.yaml does not have: the step ends so, and nothing runs."""
    steps = Workflow(ROOT, "reproduce.yml").jobs["reproduce"]["steps"]
    (step,) = (one for one in steps if one["name"] == "Reproduce from main's results")
    assert step["env"]["PARAMS"] == "${{ inputs.params }}"
    given = dict.fromkeys(step["env"], "") | {"BASE": "HEAD", "RUNNER_TEMP": str(tmp_path)}
    given["PARAMS"] = "$(touch reached) train.seed=`touch reached`; touch reached"
    checkout = project.origin.checkout(project.origin.sha("main"), tmp_path / "checkout")
    project.origin.checkout(project.origin.sha("main"), tmp_path / "main")
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    given |= {"PATH": path, "HOME": str(tmp_path), "GITHUB_WORKSPACE": str(checkout)}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]  # as GitHub has it for `shell: bash`
    assert step["shell"] == "bash"
    done = subprocess.run([*shell, step["run"]], check=False, cwd=checkout, env=given, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert "not a key of params.yaml" in done.stdout
    assert (checkout / "bundle" / "log.txt").read_text(encoding="utf-8") == done.stdout
    assert "Running stage" not in done.stdout
    assert not list(tmp_path.rglob("reached"))
