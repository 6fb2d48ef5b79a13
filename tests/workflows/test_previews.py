"""preview.yml: whose model gets a preview, what is refused on the way, and what the pull request shows of it."""

import json
import shutil
import stat
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workflows import act, events
from tests.workflows.bundles import ending
from tests.workflows.github import GitHub
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import Origin
from tests.workflows.pull_requests import JUDGED, other_seed
from verdict.ci.github.client import GitHub as Client
from verdict.ci.github.preview import format_commits, parse_commits, port_of, url_of
from verdict.ci.judge.previews import collect
from verdict.ci.publish.previews import record_deployments
from verdict.ci.run import bundle
from verdict.delivery.host.previews import Previews

URL = "http://127.0.0.1:{port}/"
NUMBER = 4021
MODEL = "models/classifier/manifest.json"


class LabelledPull:
    """A pull request with the label, and what the judge left of its head."""

    def __init__(self, origin: Origin, github: GitHub, folder: Path) -> None:
        self.github, self.out, self.head = github, folder / "out", origin.pull(7, "change")
        github.pull(7, "change")
        github.label(7, "preview", "maintainer")

    def judged(self, *files: tuple[str | zipfile.ZipInfo, bytes], run: int = 5, **more: Any) -> None:  # noqa: ANN401
        """A run that left these files under the name of the judged artifact."""
        folder = self.out.with_name(f"run-{run}")
        folder.mkdir()
        with zipfile.ZipFile(folder / f"judged-{self.head}.zip", "w") as made:
            for name, content in [*ending(bundle.Header(bundle.REPRODUCED)).items(), *files]:
                made.writestr(name, content)
        known = {"workflow": "report.yml", "event": "workflow_run", "head_branch": "main", **more}
        self.github.run(run, head_sha=self.head, artifacts_folder=folder, **known)

    def take(self) -> tuple[dict[int, str], set[int]]:
        """The result of the job `take`, with its rights."""
        return collect(self._client("actions", "pull_requests", "deployments"), 1, self.out)

    def tell(self, taken: dict[int, str], serving: dict[int, str]) -> None:
        """The output of the job `tell`, with its rights."""
        record_deployments(self._client(deployments="write"), taken, serving, URL)

    @property
    def shown(self) -> list[tuple[str, list[str]]]:
        """The deployments with their statuses."""
        return [
            (one["environment"], [status["state"] for status in one["statuses"]])
            for one in self.github.state.deployments
        ]

    def _client(self, *reads: str, **more: str) -> Client:
        rights = {"contents": "read", "metadata": "read", **dict.fromkeys(reads, "read"), **more}
        return Client(self.github.name, self.github.token("job", rights), self.github.url)


@pytest.fixture
def labelled(origin: Origin, github: GitHub, write: Callable[[dict[str, str]], Path], tmp_path: Path) -> LabelledPull:
    """A pull request with the label."""
    origin.push(write({"file": "text"}), "change")
    return LabelledPull(origin, github, tmp_path)


def test_what_was_judged_is_taken_once(labelled: LabelledPull) -> None:
    """Only the artifact's files are unpacked; a reported or refused commit is not taken again."""
    assert labelled.take() == ({}, {7})
    labelled.judged((MODEL, b"{}"), ("metrics/scores.json", b"{}"))
    assert labelled.take() == ({7: labelled.head}, {7})
    assert [path.name for path in (labelled.out / "7").iterdir()] == ["manifest.json"]
    shutil.rmtree(labelled.out)
    labelled.tell({7: labelled.head}, {7: labelled.head})
    assert labelled.shown == [("preview/pr-7", ["success"])]
    assert labelled.github.state.deployments[0]["statuses"][0]["environment_url"] == url_of(7, URL)
    assert labelled.take() == ({}, {7})
    assert not labelled.out.exists()


def test_only_what_the_judge_left_is_taken(labelled: LabelledPull) -> None:
    """The same artifact name of a run of the change, or of another workflow called report, is ignored."""
    labelled.judged((MODEL, b"{}"), run=5, workflow="experiment.yml", event="pull_request")
    labelled.judged((MODEL, b"{}"), run=6, event="pull_request")
    labelled.judged((MODEL, b"{}"), run=8, workflow="other.yml")
    assert labelled.take() == ({}, {7})


@pytest.mark.parametrize("why", ["no label", "closed", "another base"])
def test_who_did_not_ask_gets_none(labelled: LabelledPull, why: str) -> None:
    """Without the label, closed, or into another branch, a pull request is not wanted: its preview ends."""
    labelled.judged((MODEL, b"{}"))
    changes: dict[str, dict[str, Any]] = {"no label": {"labels": []}, "closed": {"state": "closed"}}
    changes["another base"] = {"base_ref": "change"}
    labelled.github.state.pulls[7].update(changes[why])
    assert labelled.take() == ({}, set())


def _link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("models/classifier/weights.safetensors")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


@pytest.mark.parametrize(
    "entry",
    [
        (_link(), b"/etc/passwd"),
        ("models/classifier/model.pkl", b"\x80\x04}."),
        ("models/classifier/../../evil.json", b"{}"),
        ("sitecustomize.py", b"raise SystemExit"),
        ("models/classifier/weights.safetensors", 510_000_000),  # bytes, made where the test runs
        ("data/predictions/test.parquet", b"no model at all"),
    ],
    ids=["link", "pickle", "outside", "code", "large", "none"],
)
def test_a_hostile_artifact_is_told_and_not_handed_on(
    labelled: LabelledPull, entry: tuple[str | zipfile.ZipInfo, bytes | int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is written, the log says why, and the pull request shows a failure."""
    labelled.judged((entry[0], bytes(entry[1])))
    assert labelled.take() == ({7: labelled.head}, {7})
    assert "#7: the run's bundle" in capsys.readouterr().out
    assert not labelled.out.exists()
    labelled.tell({7: labelled.head}, {})
    assert labelled.shown == [("preview/pr-7", ["failure"])]


def test_what_serves_no_more_is_taken_back_once(labelled: LabelledPull) -> None:
    """An address that leads nowhere, or to another commit, is inactive; what never served stays a failure."""
    labelled.tell({7: labelled.head, 8: labelled.head}, {7: labelled.head})
    labelled.tell({}, {7: labelled.head})
    assert labelled.shown == [("preview/pr-7", ["success"]), ("preview/pr-8", ["failure"])]
    for _ in range(2):
        labelled.tell({}, {7: "f" * 40})
        assert labelled.shown == [("preview/pr-7", ["success", "inactive"]), ("preview/pr-8", ["failure"])]


def test_numbers_and_commits_fit_in_a_line() -> None:
    """One job reads the lines that another writes; an address has the port or the number."""
    commits = {9: "b" * 40, 7: "a" * 40}
    assert parse_commits(format_commits(commits)) == commits
    assert parse_commits(format_commits({})) == {}
    assert url_of(7, "https://{port}.example.org/{number}") == "https://20007.example.org/7"


def _preview(project: InProcessProject, event: events.Event, previews: Path) -> Any:  # noqa: ANN401
    env = {"VERDICT_PREVIEWS": str(previews)}
    return act.run(
        project.origin,
        "preview.yml",
        event,
        github=project.github,
        variables={"PREVIEW_URL": URL},
        env={**project.env, **env},
    )


def test_a_forks_model_is_tried_until_its_pull_request_closes(project: InProcessProject, tmp_path: Path) -> None:
    """By act: judged, served by main's code at the address in the comment, and gone after the pull request closed."""
    host = Previews(tmp_path / "previews", port_of)
    head = project.propose(other_seed, number=NUMBER, fork=True)
    project.label(NUMBER, "preview")
    ran = project.experiment(NUMBER, bundle_files=project.honest())
    project.variables["PREVIEW_URL"] = URL
    judged = project.act.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert url_of(NUMBER, URL) in project.comment(NUMBER)
    project.github.run(
        judged.run_id,
        workflow="report.yml",
        name="report",
        event="workflow_run",
        head_sha=project.origin.sha("main"),
        head_branch="main",
        artifacts_folder=project.artifacts(judged.run_id),
    )
    try:
        done = _preview(project, events.workflow_run(project.github, judged.run_id), host.folder)
        assert set(done.jobs.values()) == {"success"}, done.log
        with urllib.request.urlopen(f"{url_of(NUMBER, URL)}version", timeout=20) as answer:  # noqa: S310 - ours
            assert json.load(answer)["commit"] == head
        (shown,) = project.github.state.deployments
        assert [one["state"] for one in shown["statuses"]] == ["success"]

        project.github.state.pulls[NUMBER]["state"] = "closed"
        done = _preview(project, events.schedule(project.github), host.folder)
        assert set(done.jobs.values()) == {"success"}, done.log
        assert host.serving() == {}
        assert [one["state"] for one in shown["statuses"]] == ["success", "inactive"]
    finally:
        host.stop(NUMBER)
