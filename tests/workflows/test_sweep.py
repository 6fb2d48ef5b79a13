"""sweep.yml: points of a spec file on several machines, one leaderboard, and one pull request with the winner."""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import chdir
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import s3 as servers
from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.dvc.sweep.conftest import with_specs
from tests.s3 import S3
from tests.shared import once
from tests.stub import stub_clone
from tests.workflows import act, events, outcome
from tests.workflows.api.state import App, Json
from tests.workflows.conftest import copy_of_project
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import seed_cache
from tests.workflows.outcome import Outcome
from tests.workflows.pull_requests import JUDGED, REPRODUCED, top_level
from verdict.ci.sweep.missing import plan_from_spec

s3 = servers.s3
SPEC = "sweeps/small.yaml"
BRANCH = "sweep/small"
_DATA = ".dvc/tmp/sweeps-remote"  # where it lies in a checkout, where there is no bucket
APP = "verdict-sweep[bot]"
# One of them cannot work, by no mistake of the params: the training diverges. The first is the best, by far.
POINTS = "list:\n" + "".join(f"  - {{train.linear.alpha: {alpha}}}\n" for alpha in ("1.0e-4", "3.0", "1.0e+308"))
ONE_FAILED = {"plan": "success", "run": "failure", "collect": "success", "propose": "success"}


def dispatch(project: InProcessProject, spec: str = SPEC, **more: Any) -> Outcome:  # noqa: ANN401
    """Somebody starts a sweep by hand."""
    event = events.workflow_dispatch(project.github, {"spec": spec})
    settings: dict[str, Any] = {
        "secrets": project.secrets,
        "variables": project.variables,
        "env": project.env,
        "timeout": 900,
    }
    return act.run(project.origin, "sweep.yml", event, github=project.github, **{**settings, **more})


def install_sweep_app(project: InProcessProject) -> None:
    """The App that opens the pull request is installed."""
    project.variables["SWEEP_CLIENT_ID"] = "Iv1.sweep"
    project.secrets["SWEEP_PRIVATE_KEY"] = "key-of-the-app"
    rights = {"contents": "write", "pull_requests": "write"}
    project.env["STANDIN_APP_TOKEN"] = project.github.token("token-of-the-app", rights, APP, App("verdict-sweep", 5))
    project.env["STANDIN_APP_SLUG"] = APP.removesuffix("[bot]")


def spec_on_main(project: InProcessProject, text: str) -> None:
    """Main gets a spec file."""
    (project.clone.path / SPEC).write_text(text, encoding="utf-8")
    project.clone.commit("A spec file")
    project.origin.push(project.clone.path, "main")


def points(ran: Outcome) -> dict[str, str]:
    """The result of each point, by name."""
    return {name[len("run (") : -1]: result for name, result in ran.jobs.items() if name.startswith("run (")}


def experiments(project: InProcessProject) -> dict[str, str]:
    """The experiments on the git remote, with their commits."""
    lines = project.origin.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return {ref.rpartition("/")[2]: commit for commit, ref in map(str.split, lines)}


def leaderboards(project: InProcessProject, number: int) -> list[str]:
    """The comments with the leaderboard."""
    return [str(one["body"]) for one in project.github.comments(number) if "CML watermark leaderboard" in one["body"]]


@dataclass(frozen=True)
class SweepResult:
    """A repository after a sweep, the sweep's run, and what GitHub knows of pull requests and comments."""

    folder: Path
    ran: Outcome
    before: dict[str, str]  # the experiments that were there
    pulls: dict[int, Json]
    notes: dict[int, list[Json]]


def earlier(project: InProcessProject, name: str) -> None:
    """A sweep of some days ago ran this point: its experiment is on the git remote, its data in actions/cache."""
    clone = project.clone
    clone.run("python", "-I", "-m", "verdict", "ci", "sweep", "meet", _DATA)
    clone.run("python", "-I", "-m", "verdict", "sweep", "run", SPEC, "--only", name)
    where = ("--git-remote", str(project.origin.folder), "--remote", "sweeps")
    clone.run("python", "-I", "-m", "verdict", "sweep", "push", SPEC, "--only", name, *where)
    seed_cache(project.origin, clone.path, f"sweep-{SPEC}-{project.origin.sha('main')}-1-1", [_DATA])


@pytest.fixture(scope="module")
def swept_once(base: Path, tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep by act of three points, one of which has a result, and one fails; an App, no bucket; run once."""

    def build(folder: Path) -> None:
        with copy_of_project(base, folder) as project:
            spec_on_main(project, POINTS)
            install_sweep_app(project)
            with chdir(project.clone.path):
                names = by_alpha(point.name for point in plan_from_spec(project.clone.path, SPEC).points)
            earlier(project, names["3"])
            before = experiments(project)
            dispatch(project).save(folder / "run.json")
            written = [before, list(project.github.state.pulls.items()), list(project.github.state.notes.items())]
            (folder / "written.json").write_text(json.dumps(written), encoding="utf-8")

    folder = once(tmp_path_factory.getbasetemp(), "swept", build)
    before, pulls, notes = json.loads((folder / "written.json").read_text(encoding="utf-8"))
    return SweepResult(folder / "site", outcome.load(folder / "run.json"), before, dict(pulls), dict(notes))


@pytest.fixture
def swept(swept_once: SweepResult, tmp_path: Path) -> Iterator[InProcessProject]:
    """A copy of the repository after that sweep, with the pull request that it opened."""
    with copy_of_project(swept_once.folder, tmp_path) as project:
        install_sweep_app(project)
        project.github.state.pulls.update(deepcopy(swept_once.pulls))
        project.github.state.notes.update(deepcopy(swept_once.notes))
        yield project


def by_alpha(names: Iterable[str]) -> dict[str, str]:
    """The names of the points by their value."""
    return {name.split("alpha_")[1].rpartition("-")[0]: name for name in names}


def test_a_point_that_fails_stops_no_other(swept_once: SweepResult, swept: InProcessProject) -> None:
    """Two machines, one of which fails: what has a result is left alone, two experiments meet, and the log says why."""
    ran = swept_once.ran
    assert {name: ran.jobs[name] for name in ONE_FAILED} == ONE_FAILED, ran.log
    names = by_alpha(points(ran))
    assert {alpha: points(ran)[name] for alpha, name in names.items()} == {"0.0001": "success", "1e308": "failure"}
    found, (before,) = experiments(swept), swept_once.before.items()
    assert set(found.items()) == {before, (names["0.0001"], found[names["0.0001"]])}
    assert "train.linear: the training diverged" in ran.logs[f"run ({names['1e308']})"]
    assert all("main's results are at hand" in ran.logs[f"run ({name})"] for name in points(ran))
    assert "Running stage 'prepare'" not in ran.log
    assert names["1e308"] in ran.summaries["collect"]


def test_the_winner_is_proposed(swept_once: SweepResult, swept: InProcessProject) -> None:
    """One pull request by the App: the params and results of the best experiment, and how far to believe it."""
    ran, names, origin = swept_once.ran, by_alpha(points(swept_once.ran)), swept.origin
    (pull,) = swept.github.state.pulls.values()
    assert (pull["head_ref"], pull["base_ref"], pull["user"]["login"]) == (BRANCH, "main", APP)
    assert pull["title"] == "Sweep small: train.linear.alpha=0.0001"
    winner = experiments(swept)[names["0.0001"]]
    assert origin.sha(f"{BRANCH}^") == origin.sha("main")
    assert origin.git("diff", "--name-only", winner, BRANCH) == "metrics/cost.json"
    assert origin.git("show", f"{BRANCH}:metrics/cost.json") == "{}"
    assert load(origin.git("show", f"{BRANCH}:params.yaml"))["train"]["linear"]["alpha"] == 0.0001
    message = origin.git("log", "-1", "--format=%B", BRANCH)
    assert message.startswith("Params of the best of 2 experiments of sweeps/small.yaml\n\ntrain.linear.alpha=0.0001: ")
    assert f"Experiment: {names['0.0001']}" in message
    body = pull["body"]
    assert f"<code>{names['0.0001']}</code> has the best score <b>on validation</b> of the 2 experiments" in body
    assert "looks better than it is" in body
    assert f'Without a result, see <a href="https://github.com/owner/verdict/actions/runs/{ran.run_id}">' in body
    assert f"<code>{names['1e308']}</code>" in body
    assert "No check runs" not in body


def test_the_leaderboard_is_one_comment(swept_once: SweepResult, swept: InProcessProject) -> None:
    """It ranks what has a result, names what has none, and its pictures are files of this repository."""
    ran = swept_once.ran
    (comment,) = leaderboards(swept, 1)
    assert all(name in comment for name in (*points(ran), *swept_once.before))
    pictures = re.findall(r'<img src="([^"]*)"', comment)
    assert pictures
    commit = swept.origin.sha("refs/verdict/pull-1")
    assert all(picture.startswith(f"https://github.com/owner/verdict/blob/{commit}/") for picture in pictures)
    assert ran.steps["propose"]["Comment"] == "success"


def test_a_later_sweep_writes_to_the_same_pull_request(
    swept_once: SweepResult, swept: InProcessProject, tmp_path: Path
) -> None:
    """The commands of its last job, on a day without CML: no commit where the winner is the same, one comment."""
    head, own = swept.origin.sha(BRANCH), tmp_path / "proposal"
    with zipfile.ZipFile(swept.artifacts(swept_once.ran.run_id) / "proposal.zip") as archive:
        archive.extractall(own)
    given = {"GITHUB_TOKEN": "token-of-the-app", "VERDICT_LOGIN": APP, "GITHUB_API_URL": swept.github.url}
    given |= {"GITHUB_REPOSITORY": swept.github.name, "GITHUB_RUN_ID": "4711", "GITHUB_SERVER_URL": "https://github"}
    for command in (["propose"], ["comment", "--number", "1"]):
        done = swept.clone.try_run("python", "-I", "-m", "verdict", "ci", "sweep", *command, "--out", str(own), **given)
        assert done.returncode == 0, done.stdout
    assert swept.origin.sha(BRANCH) == head
    assert list(swept.github.state.pulls) == [1]
    (comment,) = leaderboards(swept, 1)
    assert "actions/runs/4711" in comment


def test_the_winner_is_judged_like_any_other(swept: InProcessProject) -> None:
    """Reproduced on another machine it is what the experiment was, and the judge has a verdict."""
    swept.origin.pull(1, BRANCH)
    ran = swept.experiment()
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "reproduced: dvc.lock is what the author committed" in ran.log
    judged = swept.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert len(swept.checks()) == 1


def test_a_bucket_of_its_own(s3: S3, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With SWEEPS_REMOTE data go there: by the commands of sweep.yml one machine sends, another collects."""
    worker = with_specs(stub_clone(tmp_path_factory.getbasetemp()), tmp_path / "worker")
    collector, hub = worker.copy(tmp_path / "collector"), str(tmp_path / "hub.git")
    worker.run("git", "clone", "--quiet", "--bare", ".", hub)
    keys = {**s3.keys(read_only=False), "AWS_ENDPOINT_URL": s3.endpoint}
    keys["GITHUB_OUTPUT"] = str(tmp_path / "output")
    spec = "sweeps/three.yaml"
    name, *others = worker.read_json("python", "-I", "-m", "verdict", "sweep", "points", spec, "--json")["names"]

    def run(place: Clone, *command: str) -> str:
        done = place.try_run("verdict", *command, **keys)
        assert done.returncode == 0, done.stdout
        return done.stdout

    for place in (worker, collector):
        run(place, "ci", "sweep", "meet", f"s3://{s3.bucket}/sweeps")
    run(worker, "sweep", "run", spec, "--only", name)
    assert "push: 1 new" in run(worker, "sweep", "push", spec, "--only", name, "--git-remote", hub)
    assert "pull: 1 new" in run(collector, "sweep", "pull", spec, "--git-remote", hub)
    assert s3.names("sweeps/files/md5/")
    run(collector, "ci", "sweep", "missing", spec, "--git-remote", hub)
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"names={json.dumps(others)}\nnumber=2\n"
    found = [clone.run("dvc", "exp", "list", "--name-only", "--all-commits").split() for clone in (worker, collector)]
    assert found == [[name]] * 2
