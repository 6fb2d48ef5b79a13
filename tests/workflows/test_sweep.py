"""sweep.yml: points of a spec file on machines of their own, one leaderboard, and one pull request with the winner."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import s3 as servers
from tests.documents import load
from tests.s3 import S3
from tests.shared import once
from tests.workflows import act, events, outcome
from tests.workflows.api.state import App, Json
from tests.workflows.conftest import copied
from tests.workflows.direct import Direct
from tests.workflows.outcome import Outcome
from tests.workflows.proposals import JUDGED, REPRODUCED, top
from tests.workflows.site import Site

s3 = servers.s3
KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SPEC = "sweeps/small.yaml"
BRANCH = "sweep/small"
APP = "verdict-sweep[bot]"
# One of them cannot work, by no mistake of the params: the training diverges. The first is the best, by far.
POINTS = "list:\n" + "".join(f"  - {{train.linear.alpha: {alpha}}}\n" for alpha in ("1.0e-4", "3.0", "1.0e+308"))
ONE_FAILED = {"plan": "success", "run": "failure", "collect": "success", "propose": "success"}
NOTHING_TO_RUN = {"plan": "success", "run": "skipped", "collect": "success", "propose": "success"}


def dispatch(site: Site, spec: str = SPEC, **more: Any) -> Outcome:  # noqa: ANN401
    """Somebody starts a sweep by hand."""
    event = events.workflow_dispatch(site.github, {"spec": spec})
    settings: dict[str, Any] = {"secrets": site.secrets, "variables": site.variables, "env": site.env, "timeout": 900}
    return act.run(site.origin, "sweep.yml", event, github=site.github, **{**settings, **more})


def with_app(site: Site) -> None:
    """The App that opens the pull request is installed."""
    site.variables["SWEEP_CLIENT_ID"] = "Iv1.sweep"
    site.secrets["SWEEP_PRIVATE_KEY"] = "key-of-the-app"
    rights = {"contents": "write", "pull_requests": "write"}
    site.env["STANDIN_APP_TOKEN"] = site.github.token("token-of-the-app", rights, APP, App("verdict-sweep", 5))
    site.env["STANDIN_APP_SLUG"] = APP.removesuffix("[bot]")


def spec_on_main(site: Site, text: str) -> None:
    """Main gets a spec file."""
    (site.clone.path / SPEC).write_text(text, encoding="utf-8")
    site.clone.commit("A spec file")
    site.origin.push(site.clone.path, "main")


def points(ran: Outcome) -> dict[str, str]:
    """How each point ended, by its name."""
    return {name[len("run (") : -1]: result for name, result in ran.jobs.items() if name.startswith("run (")}


def experiments(site: Site) -> dict[str, str]:
    """The experiments on the git remote, with their commits."""
    lines = site.origin.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return {ref.rpartition("/")[2]: commit for commit, ref in map(str.split, lines)}


def leaderboards(site: Site, number: int) -> list[str]:
    """The comments with the leaderboard."""
    return [str(one["body"]) for one in site.github.comments(number) if "CML watermark leaderboard" in one["body"]]


@dataclass(frozen=True)
class Swept:
    """A repository after a sweep, the sweep's run, and what GitHub knows of pull requests and comments."""

    folder: Path
    ran: Outcome
    pulls: dict[int, Json]
    notes: dict[int, list[Json]]


@pytest.fixture(scope="module")
def swept_once(main_on_github_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """A sweep of three points, one of which fails, where there is an App and no bucket; run once."""

    def build(folder: Path) -> None:
        with copied(main_on_github_once, folder) as site:
            spec_on_main(site, POINTS)
            with_app(site)
            dispatch(site).save(folder / "run.json")
            written = [list(site.github.state.pulls.items()), list(site.github.state.notes.items())]
            (folder / "written.json").write_text(json.dumps(written), encoding="utf-8")

    folder = once(tmp_path_factory.getbasetemp(), "swept", build)
    pulls, notes = json.loads((folder / "written.json").read_text(encoding="utf-8"))
    return Swept(folder / "site", outcome.load(folder / "run.json"), dict(pulls), dict(notes))


@pytest.fixture
def swept(swept_once: Swept, tmp_path: Path) -> Iterator[Site]:
    """A copy of the repository after that sweep, with the pull request that it opened."""
    with after_the_sweep(swept_once, tmp_path) as site:
        yield site


@contextmanager
def after_the_sweep(swept_once: Swept, place: Path, kind: type[Site] = Site) -> Iterator[Site]:
    """A copy of it in a folder."""
    with copied(swept_once.folder, place, kind) as site:
        with_app(site)
        site.github.state.pulls.update(deepcopy(swept_once.pulls))
        site.github.state.notes.update(deepcopy(swept_once.notes))
        yield site


def by_alpha(names: Iterable[str]) -> dict[str, str]:
    """The names of the points by their value."""
    return {name.split("alpha_")[1].rpartition("-")[0]: name for name in names}


def test_a_point_that_fails_stops_no_other(swept_once: Swept, swept: Site) -> None:
    """Three machines, one of which fails: two experiments meet, with their data, and the job that failed says why."""
    ran = swept_once.ran
    assert {name: ran.jobs[name] for name in ONE_FAILED} == ONE_FAILED, ran.log
    names = by_alpha(points(ran))
    assert {alpha: points(ran)[name] for alpha, name in names.items()} == {
        **dict.fromkeys(("0.0001", "3"), "success"),
        "1e308": "failure",
    }
    assert set(experiments(swept)) == {names["0.0001"], names["3"]}
    assert "train.linear: the training diverged" in ran.logs[f"run ({names['1e308']})"]
    assert all("main's results are at hand" in ran.logs[f"run ({name})"] for name in points(ran))
    assert "Running stage 'prepare'" not in ran.log
    assert names["1e308"] in ran.summaries["collect"]


def test_the_winner_is_proposed(swept_once: Swept, swept: Site) -> None:
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


def test_the_leaderboard_is_one_comment(swept_once: Swept, swept: Site) -> None:
    """It ranks what has a result, names what has none, and its pictures are files of this repository."""
    ran = swept_once.ran
    (comment,) = leaderboards(swept, 1)
    assert all(name in comment for name in points(ran))
    pictures = re.findall(r'<img src="([^"]*)"', comment)
    assert pictures
    commit = swept.origin.sha("refs/verdict/pull-1")
    assert all(picture.startswith(f"https://github.com/owner/verdict/blob/{commit}/") for picture in pictures)
    assert ran.steps["propose"]["Comment"] == "success"


def test_a_second_sweep_runs_only_what_failed(swept: Site) -> None:
    """On the same commit: the points with a result are left alone, pull request and comment are the same ones."""
    before, head = experiments(swept), swept.origin.sha(BRANCH)
    ran = dispatch(swept, cml="missing")
    assert {name: ran.jobs[name] for name in ONE_FAILED} == ONE_FAILED, ran.log
    assert list(by_alpha(points(ran))) == ["1e308"]
    assert experiments(swept) == before
    assert swept.origin.sha(BRANCH) == head
    (pull,) = swept.github.state.pulls.values()
    assert f"actions/runs/{ran.run_id}" in pull["body"]
    (comment,) = leaderboards(swept, 1)
    assert f"actions/runs/{ran.run_id}" in comment


def test_the_winner_is_judged_like_any_other(swept_once: Swept, tmp_path: Path) -> None:
    """Reproduced on another machine it is what the experiment was, and the judge has a verdict."""
    with after_the_sweep(swept_once, tmp_path, Direct) as swept:
        swept.origin.pull(1, BRANCH)
        ran = swept.experiment()
        assert top(ran.jobs) == REPRODUCED, ran.log
        assert "reproduced: dvc.lock is what the author committed" in ran.log
        judged = swept.report(ran)
        assert judged.jobs == JUDGED, judged.log
        assert len(swept.checks()) == 1


def test_what_is_no_spec_file_takes_no_machine(site: Site) -> None:
    """A file of main that is not one of sweeps/ ends in the first job, by name."""
    ran = dispatch(site, spec="params.yaml")
    assert ran.jobs == {"plan": "failure", "run": "skipped", "collect": "skipped", "propose": "skipped"}, ran.log
    assert "not a spec file of this commit" in ran.logs["plan"]


def test_a_bucket_of_its_own(site: Site, s3: S3) -> None:
    """With SWEEPS_REMOTE the data lie there and in no artifact; where there is no App, GitHub's token may open it."""
    keys = s3.keys(read_only=False)
    site.secrets.update({name: keys.pop(name) for name in KEY})
    site.env.update(keys, AWS_ENDPOINT_URL=s3.endpoint)
    site.variables["SWEEPS_REMOTE"] = f"s3://{s3.bucket}/sweeps"
    site.github.state.actions_open_pulls = True
    spec_on_main(site, "list: [{train.linear.alpha: 1.0e-4}]\n")
    ran = dispatch(site)
    assert ran.succeeded, ran.log
    assert not list((site.origin.artifacts / str(ran.run_id)).glob("point-*"))
    (pull,) = site.github.state.pulls.values()
    assert "Close and reopen it" in pull["body"]
    again = dispatch(site)
    assert {name: again.jobs[name] for name in NOTHING_TO_RUN} == NOTHING_TO_RUN, again.log
