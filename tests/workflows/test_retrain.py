"""retrain.yml: from an alert and labelled rows to one pull request that is judged like any other, or to one issue."""

import json
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import rows, write_csv
from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.shared import once
from tests.workflows import act, events, outcome
from tests.workflows.api.state import Json
from tests.workflows.conftest import copy_of_project
from tests.workflows.in_process import InProcessProject
from tests.workflows.outcome import Outcome
from tests.workflows.pull_requests import top_level
from tests.workflows.test_sweep import APP, install_sweep_app

ALERT = {"alert": "DriftUnknown", "reason": "drift", "release": "v1.2.0", "kind": "unknown", "value": "0.071"}
HOSTILE = "<img src=x onerror=a> @team ${{ secrets.SWEEP_PRIVATE_KEY }}\n# A heading"
DONE = {"plan": "success", "collect": "success", "propose": "success", "tell": "success", "sweep": "skipped"}
RUN = 4_711


def labelled(path: Path, count: int, poisoned: bool = False) -> Path:
    """Labelled rows as people send them back: text, label, day, release; poisoned ones say the opposite."""
    other = {"positive": "negative", "negative": "positive"}
    made = []
    for row in rows("tweets", count, seed=5):
        rating = float(str(row["valence"]))
        label = "positive" if rating > 0.05 else "negative" if rating < -0.05 else "neutral"
        label = other.get(label, label) if poisoned else label
        made.append({"text": f"today {row['text']}", "label": label, "received": "2026-11-20", "release": "v1.2.0"})
    write_csv(path, made)
    return path


def ready(project: InProcessProject, min_labels: int) -> Path:
    """Give main remotes for other machines, a number of labels to ask for, and the remote of retraining."""
    clone, remotes = project.clone, project.origin.root / "remotes"
    for name, options in (("team", ["--default"]), ("retrain", [])):
        (remotes / name).mkdir(parents=True)
        clone.run("dvc", "remote", "add", "--force", *options, name, str(remotes / name))
    set_params(clone, "retrain", min_labels=min_labels)
    clone.commit("A remote for the team, one for retraining")
    clone.run("dvc", "push", "--quiet")
    project.origin.push(clone.path, "main")
    return remotes / "retrain"


class ExperimentStarter:
    """Starts a run of experiment.yml for a pull request as soon as it is open, as GitHub does; use it in a `with`."""

    def __init__(self, project: InProcessProject) -> None:
        self._site, self._over = project, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        state = self._site.github.state
        while not self._over.wait(0.2):
            for pull in [one for one in state.pulls.values() if RUN not in state.runs]:
                head = {"head_sha": pull["head_sha"], "head_branch": pull["head_ref"], "conclusion": None}
                self._site.github.run(RUN, name="experiment", **head)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def alerted(project: InProcessProject, **alert: str) -> Outcome:
    """The relay asks for a retraining."""
    event = events.repository_dispatch(project.github, "retrain", {**ALERT, **alert})
    settings: dict[str, Any] = {
        "secrets": project.secrets,
        "variables": project.variables,
        "env": project.env,
        "timeout": 600,
    }
    with ExperimentStarter(project):
        return act.run(project.origin, "retrain.yml", event, github=project.github, **settings)


@dataclass(frozen=True)
class RetrainResult:
    """A repository after an alert, the run that it started, and what GitHub knows of pull requests and issues."""

    folder: Path
    ran: Outcome
    pulls: dict[int, Json]
    events: dict[int, list[Json]]
    issues: list[Json]
    began: str  # its first run of experiment.yml


@pytest.fixture(scope="module")
def retrained_once(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RetrainResult:
    """An alert where 60 rows were labelled and 40 suffice; by act, run once."""

    def build(folder: Path) -> None:
        with copy_of_project(base, folder) as project:
            (ready(project, 40) / "rows").mkdir()
            labelled(project.origin.root / "remotes" / "retrain" / "rows" / "team.csv", 60)
            install_sweep_app(project)
            alerted(project, told=HOSTILE).save(folder / "run.json")
            state = project.github.state
            began = state.runs[RUN]["created_at"]
            written = [list(state.pulls.items()), list(state.events.items()), project.github.issues, began]
            (folder / "written.json").write_text(json.dumps(written), encoding="utf-8")

    folder = once(tmp_path_factory.getbasetemp(), "retrained", build)
    pulls, told, issues, began = json.loads((folder / "written.json").read_text(encoding="utf-8"))
    return RetrainResult(folder / "site", outcome.load(folder / "run.json"), dict(pulls), dict(told), issues, began)


@pytest.fixture
def retrained(retrained_once: RetrainResult, tmp_path: Path) -> Iterator[InProcessProject]:
    """A copy of that repository, with its pull request."""
    with copy_of_project(retrained_once.folder, tmp_path) as project:
        install_sweep_app(project)
        project.github.state.pulls.update(deepcopy(retrained_once.pulls))
        yield project


def test_an_alert_becomes_one_pull_request(retrained_once: RetrainResult) -> None:
    """By the App: why, how many rows of what from where, each text as text; and it is asked to be reproduced."""
    ran = retrained_once.ran
    assert top_level(ran.jobs) == DONE, ran.log
    (pull,) = retrained_once.pulls.values()
    assert (pull["title"], pull["user"]["login"]) == ("Retrain with 60 new labelled rows", APP)
    assert pull["head_ref"].startswith("retrain/20")
    assert pull["head_ref"].endswith(f"-{ran.run_id}")
    body = pull["body"]
    for text in (
        "<code>unknown</code>",
        "<code>0.071</code>",
        "<code>000-team.csv</code>",
        "&lt;img src=x onerror=a&gt;",
    ):
        assert text in body
    assert "<img" not in body
    assert "\n# A heading" not in body
    assert "${{ secrets.SWEEP_PRIVATE_KEY }}" in body, "text that nobody evaluated"
    (event,) = retrained_once.events[1]
    assert (event["event"], event["label"]["name"], event["actor"]["login"]) == ("labeled", "reproduce", APP)
    assert event["created_at"] > retrained_once.began, "else it would be taken for another commit's"
    assert retrained_once.issues == []


def test_a_second_alert_finds_it(retrained: InProcessProject) -> None:
    """No second pull request, no second collection, no issue: the plan names the one that is open."""
    ran = alerted(retrained)
    assert top_level(ran.jobs) == {
        "plan": "success",
        **dict.fromkeys(("collect", "propose", "tell", "sweep"), "skipped"),
    }, ran.log
    assert "nothing is proposed: pull request 1 is open" in ran.log
    assert list(retrained.github.state.pulls) == [1]
    assert retrained.github.issues == []


def test_it_is_reproduced_and_judged_like_any_other(retrained: InProcessProject, retrained_once: RetrainResult) -> None:
    """The rows come from the remote of retraining, need no approval, and are a fresh test beside the approved one."""
    origin, branch = retrained.origin, str(retrained_once.pulls[1]["head_ref"])
    assert origin.git("diff", "--name-only", "main", branch).split() == [
        "data/added.json",
        "data/raw/sentences.csv.dvc",
    ]
    (note,) = load(origin.git("show", f"{branch}:data/added.json"))
    assert (note["rows"], note["origin"].rpartition("/")[2]) == (60, str(retrained_once.ran.run_id))
    origin.pull(1, branch)
    retrained.github.state.pulls[1] |= {"created_at": retrained.now(), "labels": []}
    stale = retrained.experiment()
    assert top_level(stale.jobs) == {"plan": "failure", "gpu": "skipped", "fork": "skipped"}
    retrained.label(1, "reproduce", APP)
    ran = retrained.experiment(action="labeled", label="reproduce")
    assert top_level(ran.jobs) == {"plan": "success", "gpu": "success", "fork": "skipped"}, ran.log
    told = retrained.report(ran)
    assert told.jobs == {"judge": "success", "publish": "success", "commit-lock": "success"}, told.log
    assert "nobody has approved yet, and no rule is asked of: weighted F1" in retrained.comment()
    assert '<td align="left">test</td><td align="left">added</td>' in retrained.comment()


def test_without_labels_one_issue_asks_for_some(base: Path, tmp_path: Path) -> None:
    """Five rows where forty are wanted: no pull request, nothing stored, and one issue says how many of which kind."""
    with copy_of_project(base, tmp_path) as project:
        remote = ready(project, 40)
        (remote / "rows").mkdir()
        labelled(remote / "rows" / "few.csv", 5)
        install_sweep_app(project)
        for told in ("first", HOSTILE):
            ran = alerted(project, told=told)
            assert top_level(ran.jobs) == {**DONE, "propose": "skipped"}, ran.log
        (issue,) = project.github.issues
        assert (issue["title"], issue["state"], "35 more labels are wanted" in issue["body"]) == (
            "Retraining waits",
            "open",
            True,
        )
        assert "&lt;img src=x onerror=a&gt;" in issue["body"]
        assert project.github.state.pulls == {}
        assert [path.name for path in remote.iterdir()] == ["rows"]


def test_poisoned_labels_do_not_pass(base: Path, tmp_path: Path) -> None:
    """Rows that say the opposite of what is true make a worse model, and main's rules refuse it."""
    with copy_of_project(base, tmp_path) as project:
        path = labelled(tmp_path / "poisoned.csv", 400, poisoned=True)

        def poison(clone: Clone) -> None:
            clone.run("verdict", "data", "add", str(path), "--set", "domain=tweets")
            clone.run("verdict", "repro")

        project.propose(poison)
        told = project.report(project.experiment(bundle_files=project.honest()))
        assert told.jobs["judge"] == "success", told.log
        ((conclusion, title),) = project.checks()
        assert (conclusion, title.startswith("Fail")) == ("failure", True), title
        assert "worse" in title
