"""Check, pictures and comment on days when CML, GitHub or a stranger does what it should not: one comment of ours."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import ROOT
from tests.dvc.pipeline.clone import Clone, fresh_clone
from tests.shared import once
from tests.workflows import events
from tests.workflows.github import GitHub
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import Origin, make_origin
from tests.workflows.pull_requests import JUDGED, NOT_NEEDED, documentation, top_level
from tests.workflows.standins import real_cml
from tests.workflows.workflow import STANDINS, Workflow
from verdict.base.outcome import FAIL, PASS
from verdict.ci.github.client import GitHub as Client
from verdict.ci.publish import verdict
from verdict.ci.publish.publish import comment, publish
from verdict.ci.publish.verdict import Verdict

BOT = "github-actions[bot]"
TOKEN = "token-of-publish"  # noqa: S105 - known to the tests alone
RUN = 77
COPY = 'Look! ![](https://cml.dev/watermark.png#0123abc "CML watermark verdict")'


def job() -> dict[str, Any]:
    """The job `publish` of report.yml."""
    return Workflow(ROOT, "report.yml").jobs["publish"]


@dataclass
class Publisher:
    """The steps of that job in this process, with the job's own permissions, and its own call of CML."""

    origin: Origin
    github: GitHub
    place: Path
    posters: list[str] = field(default_factory=list)  # who was to post, verdict by verdict

    def tell(self, code: int, text: str, picture: bool = False) -> None:
        """Publish a verdict on pull request 1, as report.yml does: by CML, and where that fails without it."""
        folder, head = self.place / "judgement", self.origin.sha("refs/pull/1/head")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        image = '<p><img src="plots_a.png" alt="a"></p>' if picture else ""
        (folder / "report.md").write_text(f"<h2>{text}</h2>{image}\n", encoding="utf-8")
        (folder / "plots_a.png").write_bytes(b"\x89PNG")
        verdict.write(Verdict(code, text, head, 1), folder)
        client = Client(self.github.name, TOKEN, self.github.url)
        poster, number = publish(client, client, events.workflow_run(self.github, RUN).payload, folder)
        assert number == 1
        self.posters.append(poster)
        if poster == "api" or self._cml() != 0:
            comment(client, folder)

    def _cml(self) -> int:
        (step,) = (one for one in job()["steps"] if one.get("id") == "cml")
        place = self.place / f"bin-{len(self.posters)}"
        place.mkdir()
        found = real_cml.folder(self.github, place) or STANDINS / "cml"
        environment = {
            **{name: str(value) for name, value in step["env"].items() if "${{" not in str(value)},
            **{"NUMBER": "1", "REPO_TOKEN": TOKEN, "HOME": str(self.place), "CI": "true"},
            **{"PATH": os.pathsep.join([str(found), str(Path(sys.executable).parent), "/usr/bin", "/bin"])},
            **{"GITHUB_REPOSITORY": self.github.name, "GITHUB_API_URL": self.github.url, "GITHUB_ACTOR": "author"},
            **{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_SHA": self.origin.sha("main")},
            **{"GITHUB_EVENT_NAME": "workflow_run", "STANDIN_ROOT": str(ROOT), "STANDIN_RUN": str(STANDINS / "run")},
            **{"STANDIN_PYTHON": sys.executable},
        }
        done = subprocess.run(["bash", "-e", "-c", step["run"]], check=False, cwd=self.place, env=environment)
        return done.returncode

    def ours(self) -> str:
        """The text of our one comment, without the line about the judge, and without its watermark."""
        (found,) = (one for one in self.github.comments(1) if one["user"]["login"] == BOT)
        text, image, _ = str(found["body"]).partition("\n\n![](https://cml.dev/watermark.png#")
        assert image
        return text.partition("\n\n<sub>")[0].strip()

    def checks(self) -> list[tuple[str, str]]:
        """Conclusions and titles, the oldest first."""
        runs = self.github.check_runs(self.origin.sha("refs/pull/1/head"))
        return [(one["conclusion"], one["output"]["title"]) for one in runs]


@pytest.fixture
def publisher(origin: Origin, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher for pull request 1 with a finished run, without pauses between attempts."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    for name in ("VERDICT_LOGIN", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    origin.git("update-ref", "refs/heads/change", "main")
    head = origin.pull(1, "change")
    github.pull(1, "change")
    github.run(RUN, head_sha=head, head_branch="change", name="experiment")
    github.token(TOKEN, {name.replace("-", "_"): level for name, level in job()["permissions"].items()})
    (tmp_path / "publisher").mkdir()
    return Publisher(origin, github, tmp_path / "publisher")


def test_a_second_verdict_replaces_the_first(publisher: Publisher) -> None:
    """CML changes the comment of the first verdict; the second check counts."""
    publisher.tell(FAIL, "Fail: worse")
    first = publisher.github.comments(1)[0]["id"]
    publisher.tell(PASS, "Pass: better")
    assert publisher.posters == ["cml", "cml"]
    assert publisher.ours() == "<h2>Pass: better</h2>"
    assert [one["id"] for one in publisher.github.comments(1)] == [first]
    assert publisher.checks() == [("failure", "Fail: worse"), ("success", "Pass: better")]
    assert publisher.github.requests[-1].method == "PATCH"


def test_thirty_others_come_first(publisher: Publisher) -> None:
    """If 30 comments precede ours, which CML cannot see then, ours is updated without CML."""
    for number in range(30):
        publisher.github.comment(1, f"Comment {number}", "outsider")
    for text in ("Fail: worse", "Pass: better"):
        publisher.tell(PASS, text)
    assert publisher.posters == ["cml", "api"]
    assert publisher.ours() == "<h2>Pass: better</h2>"
    assert [one["body"] for one in publisher.github.comments(1)[:30]] == [f"Comment {number}" for number in range(30)]


@pytest.mark.parametrize("first", ["stranger", "verdict"])
def test_a_strangers_copy_of_the_watermark(publisher: Publisher, first: str) -> None:
    """A comment with our watermark is neither changed nor taken for ours, before or after our own."""
    if first == "verdict":
        publisher.tell(FAIL, "Fail: worse")
    publisher.github.comment(1, COPY, "outsider")
    for text in ("Fail: still worse", "Pass: better"):
        publisher.tell(PASS, text)
    assert publisher.ours() == "<h2>Pass: better</h2>"
    assert [one["body"] for one in publisher.github.comments(1) if one["user"]["login"] == "outsider"] == [COPY]
    assert len(publisher.github.comments(1)) == 2


def test_cml_and_the_api_know_each_others_comments(publisher: Publisher) -> None:
    """CML's comment is updated without CML when it fails, and CML updates that one later."""
    publisher.tell(FAIL, "One")
    publisher.github.fail("PATCH", "/issues/comments/", 403)
    publisher.tell(FAIL, "Two")
    assert publisher.ours() == "<h2>Two</h2>"
    publisher.tell(FAIL, "Three")
    assert publisher.posters == ["cml"] * 3
    assert publisher.ours() == "<h2>Three</h2>"
    assert len(publisher.github.comments(1)) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/issues/1/comments$"),
        ("POST", "/check-runs$"),
        ("POST", "/issues/1/comments$"),
        ("PATCH", "/issues/comments/"),
    ],
)
def test_two_bad_gateways(publisher: Publisher, method: str, path: str) -> None:
    """GitHub answers 502 twice, then well: check and comment come, and the comment is still one."""
    if method == "PATCH":
        publisher.tell(FAIL, "Fail: worse")
    publisher.github.fail(method, path, 502, times=2)
    publisher.tell(PASS, "Pass: better", picture=True)
    assert [one.status for one in publisher.github.requests].count(502) == 2
    assert publisher.checks()[-1] == ("success", "Pass: better")
    assert len(publisher.github.comments(1)) == 1
    pictures = publisher.origin.git("rev-parse", "refs/verdict/pull-1")
    assert f'<img src="https://github.com/owner/verdict/blob/{pictures}/plots_a.png?raw=true"' in publisher.ours()


def test_no_pictures_may_be_stored(publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
    """A 403 for the pictures' ref costs the pictures alone: check and comment come, and link to nothing."""
    publisher.github.fail("POST", "/git/refs$", 403)
    publisher.tell(FAIL, "Fail: worse", picture=True)
    assert publisher.checks() == [("failure", "Fail: worse")]
    assert publisher.ours() == '<h2>Fail: worse</h2><p><img src="" alt="a"></p>'
    assert publisher.github.state.find("refs/verdict/pull-1") is None
    assert "the pictures could not be stored" in capsys.readouterr().out


@pytest.fixture(scope="module")
def small_main(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that this is, with dvc.lock and no results: enough for a change that the first look passes."""
    return once(tmp_path_factory.getbasetemp(), "cml", _make_small_main)


def _make_small_main(folder: Path) -> None:
    clone = fresh_clone(folder / "author")
    shutil.copy2(ROOT / "dvc.lock", clone.path)
    clone.commit("With a lock")
    make_origin(folder / "hub", clone.path)


@pytest.fixture
def small_site(small_main: Path, tmp_path: Path) -> Iterator[InProcessProject]:
    """A team at work on a copy of it."""
    shutil.copytree(small_main, tmp_path / "site", symlinks=True)
    origin = Origin(tmp_path / "site" / "hub")
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        yield InProcessProject(origin, github, Clone(tmp_path / "site" / "author"))
    assert github.violations == []


def test_documentation_costs_no_gpu(small_site: InProcessProject) -> None:
    """By act: nothing that the DAG reads has changed, so no runner for it is asked for, and the required check passes.

    It is a day on which CML cannot be had: the check is true, and the comment comes without it.
    """
    small_site.propose(documentation)
    ran = small_site.act.experiment()
    assert top_level(ran.jobs) == NOT_NEEDED, ran.log
    judged = small_site.act.report(ran, cml="missing")
    assert judged.jobs == JUDGED, judged.log
    assert judged.steps["judge"]["Set up"] == "skipped"
    steps = judged.steps["publish"]
    assert (steps["CML"], steps["Comment"], steps["Comment without CML"]) == ("failure", "failure", "success")
    ((conclusion, title),) = small_site.checks()
    assert conclusion == "success"
    assert title.startswith("Pass: unchanged")
    assert small_site.comment().startswith("<h2>✅ Pass: unchanged</h2>")
    assert [one["user"]["login"] for one in small_site.github.comments(1)] == [BOT]


def test_a_broken_cml_is_done_without(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """If its command fails, the comment is posted without it."""
    monkeypatch.setattr(real_cml, "folder", lambda *_: STANDINS / "nowhere")
    publisher.tell(FAIL, "Fail: worse")
    assert publisher.posters == ["cml"]
    assert publisher.ours() == "<h2>Fail: worse</h2>"


def test_a_real_cml_is_used(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `cml` on PATH is called instead of the stand-in, with the tests' GitHub and its certificate."""
    (tmp_path / "real").mkdir()
    told = "import os; print(os.environ['CML_REPO'], os.environ['NODE_EXTRA_CA_CERTS'])"
    (tmp_path / "real" / "cml").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{told}" "$@"\n', encoding="utf-8")
    (tmp_path / "real" / "cml").chmod(0o755)
    monkeypatch.setenv("PATH", "")
    assert real_cml.folder(github, tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path / "real"))
    folder = real_cml.folder(github, tmp_path)
    assert folder is not None
    done = subprocess.run([folder / "cml", "--version"], check=True, capture_output=True, text=True)
    repo, certificate = done.stdout.split()
    host = repo.removesuffix(f"/{github.name}")
    assert repo != host
    headers = {"Authorization": f"token {github.token(TOKEN, {})}"}
    url = f"{host}/api/v3/repos/{github.name}"
    assert requests.get(url, headers=headers, verify=certificate, timeout=10).json()["full_name"] == github.name
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url, headers=headers, timeout=10)
