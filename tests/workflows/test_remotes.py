"""Main's results on an S3 server: written by main's workflow alone, read by runs and judge; empty, or not to be had."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import s3 as servers
from tests.dvc.remote.remote_runner import RemoteRunner
from tests.dvc.review.tampering import locked_hash
from tests.s3 import S3
from tests.workflows.conftest import copy_of_project
from tests.workflows.in_process import InProcessProject
from tests.workflows.pull_requests import JUDGED, REPRODUCED, other_seed, top_level
from verdict.ci.judge import ingest
from verdict.ci.run.reproduce import remote_answers
from verdict.repo.revisions import Revision, Store

s3 = servers.s3
_KEY, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


def with_keys(project: InProcessProject, s3: S3, read_only: bool = True) -> None:
    """Set the environments' secrets, on a machine without its own settings."""
    keys = s3.keys(read_only)
    project.secrets.update({name: keys.pop(name) for name in (_KEY, _SECRET)})
    project.env.update(keys)


def connected(project: InProcessProject, s3: S3, prefix: str) -> None:
    """Main names a prefix of the server as its remote, and what runs kept on GitHub is gone."""
    RemoteRunner.connect(project.clone, s3, prefix)
    project.clone.commit("Remote on S3")
    project.origin.push(project.clone.path, "main")
    for folder in (project.origin.caches, project.origin.kept):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def filled_once(base: Path, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose remote main's workflow filled, by act with the key that writes; run once, no cache left."""
    folder = tmp_path_factory.mktemp("filled")
    with copy_of_project(base, folder) as project:
        connected(project, s3, "filled")
        with_keys(project, s3, read_only=False)
        ran = project.act.main()
        assert ran.jobs == {"reproduce": "success", "overdue": "success"}, ran.log
        (kept,) = project.origin.caches.rglob("dvc-*.tar")
        assert kept.name == f"dvc-main-{project.origin.sha('main')}.tar"
        shutil.rmtree(project.origin.caches)
    return folder / "site"


@pytest.fixture
def filled(filled_once: Path, s3: S3, tmp_path: Path) -> Iterator[InProcessProject]:
    """A copy of that repository, with keys that read."""
    with copy_of_project(filled_once, tmp_path) as project:
        with_keys(project, s3)
        yield project


@pytest.fixture
def empty(project: InProcessProject, s3: S3) -> InProcessProject:
    """A repository whose remote is an empty prefix of the server, and whose runs left no cache; keys that read."""
    connected(project, s3, "empty")
    with_keys(project, s3)
    return project


@pytest.fixture
def ran_by_the_judge(project: InProcessProject, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commits whose stages the judge wants to run; their results come from the author's cache in place of a run."""
    asked = []

    def run_main_stages(store: Store, main: Revision) -> Revision:
        asked.append(str(main.commit))
        shutil.copytree(project.clone.path / ".dvc/cache", store.root / ".dvc/cache", dirs_exist_ok=True)
        return main

    monkeypatch.setattr(ingest, "run_main_stages", run_main_stages)
    return asked


def passes(project: InProcessProject) -> bool:
    """Return whether the only check is a success."""
    return [conclusion for conclusion, _ in project.checks()] == ["success"]


def test_a_change_takes_from_the_remote_what_it_needs(filled: InProcessProject, s3: S3) -> None:
    """By act: main's workflow left nothing out. With a key that reads a run only trains, and the judge runs nothing."""
    held = filled.clone.try_run("python", "-I", "-m", "verdict", "remote", **s3.keys(read_only=True))
    assert held.returncode == 0, held.stdout
    filled.propose(other_seed)
    ran = filled.act.experiment()
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "Running stage 'train'" in ran.log
    assert "Running stage 'prepare'" not in ran.log
    assert "Running stage 'featurize'" not in ran.log
    (kept,) = filled.origin.caches.rglob("dvc-*.tar")
    with tarfile.open(kept) as archive:
        names = {name.rpartition("files/md5/")[2].replace("/", "") for name in archive.getnames()}
    assert locked_hash(filled.clone, "data/features") in names
    assert locked_hash(filled.clone, "data/prepared/dropped.json") not in names
    judged = filled.act.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" not in judged.log
    assert passes(filled)


def test_an_empty_remote_costs_time_and_no_verdict(empty: InProcessProject, ran_by_the_judge: list[str]) -> None:
    """Before main's workflow has pushed anything, run and judge make what is missing, from the public source."""
    empty.propose(other_seed)
    ran = empty.experiment()
    assert top_level(ran.jobs) == REPRODUCED, ran.log
    assert "running what is missing: " in ran.log
    assert "Running stage 'prepare'" in ran.log
    judged = empty.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" in judged.log
    assert ran_by_the_judge == [empty.origin.sha("main")]
    assert passes(empty)


def test_a_wrong_key_is_named_and_done_without(
    empty: InProcessProject, ran_by_the_judge: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The log of the run says what is wrong with the key, and it goes on as without a remote; so does the judge."""
    empty.secrets[_SECRET] = "not-the-secret"
    with empty.environment(empty.clone.path):
        assert not remote_answers(empty.clone.path)
    output = capsys.readouterr().out
    assert "going on without the remote: remote storage, s3://" in output
    assert "(SignatureDoesNotMatch)" in output
    empty.propose(other_seed)
    judged = empty.report(empty.experiment(bundle_files=empty.honest()))
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" in judged.log
    assert ran_by_the_judge == [empty.origin.sha("main")]
    assert passes(empty)


@pytest.mark.parametrize(
    ("secret", "told"),
    [("", "Access Denied"), ("not-the-secret", "(SignatureDoesNotMatch)")],
)
def test_main_without_a_key_that_writes_fails_loudly(filled: InProcessProject, secret: str, told: str) -> None:
    """If a new main cannot be pushed, the job names the problem of the key, and caches no results."""
    filled.secrets[_SECRET] = secret or filled.secrets[_SECRET]
    other_seed(filled.clone)
    filled.clone.commit("Another seed")
    filled.origin.push(filled.clone.path, "main")
    ran = filled.main()
    assert ran.jobs["reproduce"] == "failure", ran.log
    assert told in ran.log
    assert not filled.origin.kept.exists()
    if not secret:
        assert "Stage 'prepare' is cached - skipping run" in ran.log
        assert "Running stage 'train'" in ran.log
