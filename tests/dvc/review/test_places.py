"""The repository's place changes no verdict: odd letters in its path, or git's root further up."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, committed_main, set_params
from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.experiments.leaderboard.experiments import Files
from verdict.experiments.sweep import worker as sweep_worker
from verdict.experiments.sweep.plan import plan
from verdict.experiments.sweep.worker import Worker
from verdict.repo.dvc import cache_folder, dvc_config, share_cache
from verdict.repo.project import project_root
from verdict.repo.revisions import resolve, working_tree

runner = edits.runner
ODD = 'a b\'s "#1", 100% %(x)s [é] $HOME/日本'
SPEC = "grid:\n  train.seed: [1, 2]\n"
COMMANDS = (
    ("lock", "--ran"),
    ("compare",),
    ("gate",),
    ("gate", "--candidate", "HEAD"),
    ("gate", "--reproduce-base"),
    ("report",),
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A reproduced main at a path with every kind of letter; not to be changed."""
    place = committed_main(tmp_path_factory.getbasetemp()).copy(tmp_path_factory.mktemp("odd") / ODD)
    (place.path / "sweeps/two.yaml").write_text(SPEC, encoding="utf-8")
    place.commit("A sweep")
    return place


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A reproduced main in a sub-folder of its git repository, whose root has files of the same names."""
    top = Clone(tmp_path_factory.mktemp("mono") / "all")
    place = committed_main(tmp_path_factory.getbasetemp()).copy(top.path / "services/sentiment")
    shutil.rmtree(place.path / ".git")
    for name in ("params.yaml", "dvc.lock", "dvc.yaml", "data/raw.dvc"):
        (top.path / name).parent.mkdir(exist_ok=True)
        (top.path / name).write_text("another: project\n", encoding="utf-8")
    (place.path / "sweeps/two.yaml").write_text(SPEC, encoding="utf-8")
    top.run("git", "init", "--quiet", "--initial-branch", "main")
    top.commit("Main")
    return place


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", ["odd", "inner"])
def test_a_verdict_is_the_same_in_every_place(
    name: str, command: tuple[str, ...], runner: ReviewRunner, request: pytest.FixtureRequest
) -> None:
    """Each command passes what is unchanged, from an odd path and from a sub-folder of the git repository."""
    outcome = runner.run(request.getfixturevalue(name), *command)
    assert outcome.code == 0, outcome.text
    assert command[0] in ("lock", "compare") or "\nPass: unchanged" in f"\n{outcome.text}"


@pytest.mark.parametrize("name", ["odd", "inner"])
def test_a_worker_of_a_sweep_runs_in_the_project(
    name: str, runner: ReviewRunner, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A sweep's clone has the project's data, and runs its experiments in the project's sub-folder."""
    place: Clone = request.getfixturevalue(name)
    with runner.at(place):
        planned = plan(place.path, Path("sweeps/two.yaml"))
        worker = Worker.new(planned, cache_folder(place.path))
        runner.patch.setattr(
            sweep_worker, "dvc_command", lambda *_: [sys.executable, "-c", "print(open('params.yaml').read())"]
        )
        worker.run(planned, planned.points[0], tmp_path / "log")
        found = next(worker.clone.rglob("prepared/test.parquet")).read_bytes()
        worker.remove()
    assert (tmp_path / "log").read_text(encoding="utf-8").startswith((place.path / "params.yaml").read_text("utf-8"))
    assert found == (place.path / "data/prepared/test.parquet").read_bytes()


@pytest.mark.parametrize("kind", ["submodule", "linked worktree"])
def test_a_git_folder_that_is_a_file_changes_nothing(
    kind: str, odd: Clone, runner: ReviewRunner, tmp_path: Path
) -> None:
    """A submodule and a linked worktree, whose `.git` is a file, are judged like any other checkout."""
    place = Clone(tmp_path / "top" / "inner")
    if kind == "submodule":
        place.path.parent.mkdir()
        source = odd.copy(tmp_path / "source").path
        Clone(place.path.parent).run("git", "init", "--quiet")
        allowed = ("-c", "protocol.file.allow=always")
        Clone(place.path.parent).run("git", *allowed, "submodule", "add", "-q", "-b", "main", str(source), "inner")
    else:
        odd.copy(tmp_path / "source").run("git", "worktree", "add", "-q", "--detach", str(place.path))
    share_cache(place.path, cache_folder(odd.path))
    outcome = runner.gate(place, "--candidate", "HEAD")
    assert outcome.code == 0, outcome.text


def test_what_lies_beside_the_project_is_not_its_change(inner: Clone, runner: ReviewRunner, tmp_path: Path) -> None:
    """Files of the git repository outside the project are neither a change of the working tree nor of the report."""
    shutil.copytree(inner.path.parent.parent, tmp_path / "all", symlinks=True)
    place = Clone(tmp_path / "all/services/sentiment")
    (tmp_path / "all/params.yaml").write_text("another: change\n", encoding="utf-8")
    assert working_tree(place.path).short == working_tree(inner.path).short
    (place.path / "README.md").write_text("Ours\n", encoding="utf-8")
    runner.run(place, "report")
    report = (place.path / "report/report.md").read_text(encoding="utf-8")
    assert "<b>Files changed</b>: 1<" in report
    assert "<code>README.md</code>" in report


def test_experiments_are_read_where_the_project_lies(inner: Clone) -> None:
    """The leaderboard takes the files of the project, not those of the same name at git's root."""
    commit = str(resolve(inner.path, "HEAD").commit)
    text = Files(inner.path, [(commit, "params.yaml")]).text(commit, "params.yaml")
    assert text == (inner.path / "params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("step", [("push",), ("sweep", "baseline")], ids=" ".join)
def test_workflows_ask_for_the_root_of_git(
    step: tuple[str, ...], inner: Clone, runner: ReviewRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps of workflows end with one message in a project in a sub-folder of its git repository."""
    with runner.at(inner):
        assert main(["ci", *step]) == 1
    assert capsys.readouterr().err.startswith("error: services/sentiment/: the project is not at the root of the git")


def test_another_folder_is_told_to_be_no_project(odd: Clone, runner: ReviewRunner) -> None:
    """A command run below the project's root names the folder to run it in, and one outside says what to look for."""
    below, outside = runner.run(Clone(odd.path / "stages"), "gate"), runner.run(Clone(odd.path.parent), "lock")
    assert below.code == 2
    assert f"remedy: run it in {odd.path}" in below.text
    assert outside.code == 1
    assert "run it at the root of the project" in outside.text


def test_a_path_that_is_not_utf8_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte in the path that is no letter of UTF-8 ends in a message, before a library stumbles over it."""
    folder = tmp_path / os.fsdecode(b"n\xfc")
    (folder / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(folder)
    with pytest.raises(VerdictError, match="not UTF-8"):
        project_root()


def test_a_locale_without_the_letters_of_the_path_is_named(tmp_path: Path) -> None:
    """A path that this locale's encoding cannot hold is refused with the variable that helps."""
    (tmp_path / "ü/.dvc").mkdir(parents=True)
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    asked = [sys.executable, "-c", "from verdict.repo.project import project_root; project_root()"]
    found = Clone(tmp_path / "ü").try_run(*asked, **locale)
    assert "has letters that the encoding of this locale lacks" in found.stdout
    assert Clone(tmp_path / "ü").try_run(*asked, **{**locale, "PYTHONUTF8": "1"}).returncode == 0


def test_settings_of_any_letter_are_written(tmp_path: Path) -> None:
    """A shared cache, and what a user's own settings hold beside it, survive letters that DVC would not write."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config.local").write_text("['remote \"köln\"']\n    url = /mnt/köln\n", encoding="utf-8")
    (tmp_path / "çache #1").mkdir()
    share_cache(tmp_path, tmp_path / "çache #1")
    found = dvc_config(tmp_path)
    assert Path(found["cache"]["dir"]).resolve() == tmp_path / "çache #1"
    assert found["remote"]["köln"]["url"] == "/mnt/köln"


def test_a_real_change_is_seen_in_a_sub_folder(inner: Clone, runner: ReviewRunner, tmp_path: Path) -> None:
    """The project's policy and params count: their change in the sub-folder is reported."""
    shutil.copytree(inner.path.parent.parent, tmp_path / "all", symlinks=True)
    place = Clone(tmp_path / "all/services/sentiment")
    set_params(place, "gate", resamples=2000)
    assert "policy" in runner.gate(place).failed
