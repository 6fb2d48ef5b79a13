"""Steps of sweep.yml beside the points: identity, experiments' remote, missing results."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, small_params
from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.sweep.http_git import serve
from verdict.base.errors import VerdictError
from verdict.ci.sweep import missing as module
from verdict.ci.sweep.experiments_remote import add_sweeps_remote
from verdict.ci.sweep.missing import missing, plan_from_spec
from verdict.ci.sweep.winner import _body
from verdict.classifier.params import Params
from verdict.experiments.leaderboard.board import Board, Row, Stats
from verdict.experiments.leaderboard.experiments import Experiment
from verdict.experiments.leaderboard.records import Cost, Record
from verdict.experiments.sweep.plan import Plan, plan
from verdict.review.metrics_file import Scores, Seeds

Copy = Callable[[Clone, str], Clone]
TOKEN = "token-of-the-step"  # noqa: S105 - known to the test alone


def settings(clone: Clone) -> dict[str, str]:
    """The remote `sweeps` as DVC knows it."""
    lines = clone.run("dvc", "config", "--list").splitlines()
    found = dict(line.split("=", 1) for line in lines)
    return {key.removeprefix("remote.sweeps."): value for key, value in found.items() if "remote.sweeps." in key}


def test_the_token_of_a_step_is_asked_for(tmp_path: Path) -> None:
    """Git and DVC push and pull over HTTP by the step's token; nothing of it is kept, and a wrong one is refused."""
    hub, clone = tmp_path / "hub", Clone(tmp_path / "clone")
    clone.path.mkdir()
    subprocess.run(["git", "init", "--quiet", "--bare", str(hub / "a.git")], check=True)
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.run("dvc", "init", "--quiet")
    (clone.path / "params.yaml").write_text("a: 1\n", encoding="utf-8")
    stage = {"cmd": "cp params.yaml out", "params": ["a"], "outs": ["out"]}
    save(clone.path / "dvc.yaml", {"stages": {"copy": stage}})
    clone.run("dvc", "repro", "--quiet")
    clone.run("dvc", "remote", "add", "--local", "sweeps", str(tmp_path / "data"))
    clone.commit("Reproduced")
    clone.run("dvc", "exp", "run", "--quiet", "--name", "two", "-S", "a=2")
    ask = {"GIT_ASKPASS": str(ROOT / "verdict" / "ci" / "github" / "askpass"), "HOME": str(tmp_path)}
    move = ("--remote", "sweeps", "origin", "two")
    with serve(hub, TOKEN) as url:
        clone.run("git", "remote", "add", "origin", f"{url}/a.git")
        refused = clone.try_run("dvc", "exp", "push", *move, **ask, GITHUB_TOKEN=TOKEN[::-1])
        assert refused.returncode != 0
        assert "Authentication failed" in refused.stdout
        assert clone.try_run("git", "push", "--quiet", "origin", "main", **ask, GITHUB_TOKEN=TOKEN).returncode == 0
        assert clone.try_run("dvc", "exp", "push", *move, **ask, GITHUB_TOKEN=TOKEN).returncode == 0
        clone.run("dvc", "exp", "remove", "two")
        assert clone.try_run("dvc", "exp", "pull", *move, **ask, GITHUB_TOKEN=TOKEN).returncode == 0
    assert "two" in clone.run("dvc", "exp", "list", "--name-only")
    assert TOKEN not in (clone.path / ".git" / "config").read_text(encoding="utf-8")


def test_sweeps_meet_beside_main(reproduced: Clone, copy_of: Copy) -> None:
    """The remote is of this checkout alone, and takes server and checks from main's where both are on S3."""
    clone = copy_of(reproduced, "a")
    add_sweeps_remote(clone.path, ".dvc/tmp/sweeps-remote")
    assert settings(clone) == {"url": str(clone.path / ".dvc/tmp/sweeps-remote")}
    assert clone.changes() == ""
    clone.run("dvc", "remote", "add", "--default", "storage", "s3://bucket/main")
    clone.run("dvc", "remote", "modify", "storage", "endpointurl", "https://store.example")
    add_sweeps_remote(clone.path, "s3://bucket/sweeps")
    expected = {"url": "s3://bucket/sweeps", "endpointurl": "https://store.example", "verify": "True"}
    assert settings(clone) == expected


@pytest.mark.parametrize("url", ["s3://bucket/main", "s3://bucket/main/sweeps", "s3://bucket", "s3://bucket/main/"])
def test_a_remote_that_is_mains_is_refused(reproduced: Clone, copy_of: Copy, url: str) -> None:
    """Main's own address, one within it, and one around it: what others trust is written by main's workflow alone."""
    clone = copy_of(reproduced, "a")
    clone.run("dvc", "remote", "add", "--default", "storage", "s3://bucket/main")
    with pytest.raises(VerdictError, match="is where the remote storage keeps main's results"):
        add_sweeps_remote(clone.path, url)
    assert settings(clone) == {}


def test_what_others_have_is_not_missing(
    reproduced: Clone, copy_of: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A point with an experiment on the git remote is not in the matrix; of the points asked for, only those are."""
    clone = copy_of(reproduced, "a")
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "hub.git")], check=True)
    clone.run("git", "remote", "add", "origin", str(tmp_path / "hub.git"))
    monkeypatch.chdir(clone.path)
    plan = plan_from_spec(clone.path, "sweeps/three.yaml")
    first, *others = [point.name for point in plan.points]
    assert missing(plan, "origin", []) == [first, *others]
    clone.run("git", "push", "--quiet", "origin", f"HEAD:{plan.ref(first)}")
    assert missing(plan, "origin", []) == others
    assert missing(plan, "origin", [first]) == []


@pytest.mark.parametrize("spec", ["sweeps/new.yaml", "sweeps/../sweeps/three.yaml", "/etc/passwd", "params.yaml", ""])
def test_only_a_spec_file_of_the_commit_is_taken(reproduced: Clone, copy_of: Copy, spec: str) -> None:
    """A file that is not committed, or not in sweeps/, is refused."""
    clone = copy_of(reproduced, "a")
    (clone.path / "sweeps" / "new.yaml").write_text("grid: {train.seed: [1]}\n", encoding="utf-8")
    with pytest.raises(VerdictError, match="not a spec file of this commit"):
        plan_from_spec(clone.path, spec)


def test_more_points_than_a_matrix_has_are_refused(
    reproduced: Clone, copy_of: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub would refuse the whole run, without a word of which file is to blame."""
    clone = copy_of(reproduced, "a")
    monkeypatch.chdir(clone.path)
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "hub.git")], check=True)
    monkeypatch.setattr(module, "MOST", 2)
    with pytest.raises(VerdictError, match="3 points to run, and a workflow runs at most 2"):
        missing(plan_from_spec(clone.path, "sweeps/three.yaml"), str(tmp_path / "hub.git"), [])


def test_main_is_brought_as_it_was(reproduced: Clone, copy_of: Copy) -> None:
    """Main's results come from the cache, and no stage runs."""
    clone = copy_of(reproduced, "a")
    before = clone.results()
    clone.run("rm", "-r", "models/classifier", "data/raw/sentences.csv", "data/prepared")
    printed = clone.run("python", "-I", "-m", "verdict", "ci", "sweep", "baseline")
    assert "main's results are at hand" in printed
    assert clone.results() == before
    assert clone.changes() == ""


def test_another_result_than_mains_is_no_baseline(reproduced: Clone, copy_of: Copy) -> None:
    """If a run of main's stages gives another result than its lock, no point starts from it."""
    clone = copy_of(reproduced, "a")
    path = clone.path / "dvc.lock"
    (out,) = [out for out in clone_lock(path)["train"]["outs"] if out["path"] == "models/classifier"]
    path.write_text(path.read_text(encoding="utf-8").replace(out["md5"], f"{'0' * 32}.dir"), encoding="utf-8")
    clone.commit("A model that nobody has")
    ended = clone.try_run("python", "-I", "-m", "verdict", "ci", "sweep", "baseline")
    assert ended.returncode == 1
    assert "running them gives other results than main has: dvc.lock" in ended.stdout


def clone_lock(path: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """The entries of a dvc.lock."""
    found: dict[str, dict[str, list[dict[str, str]]]] = load(path)["stages"]
    return found


def test_what_a_sweep_sets_for_its_own_sake_is_told(reproduced: Clone) -> None:
    """A winner that was not refitted, or needs a device that main does not ask for, comes with a warning of each."""
    own = reproduced.path.with_name("own.yaml")
    own.write_text("base: {train.refit: false, train.device: cuda}\nlist: [{train.seed: 5}]\n", encoding="utf-8")
    told = {}
    for spec in (own, reproduced.path / "sweeps/three.yaml"):
        chosen = plan(reproduced.path, spec)
        told[spec.stem] = body(chosen, ranked(1, chosen.points[0].name))
    warnings = {spec: re.findall(r"<p>⚠️ <code>(train\.\w+: \w+)</code>", text) for spec, text in told.items()}
    assert warnings == {"own": ["train.refit: false", "train.device: cuda"], "three": []}


def test_a_cheaper_one_that_is_as_good_is_named(reproduced: Clone) -> None:
    """The cheapest experiment that ties with the winner is named if it took less than half the time."""
    chosen = plan(reproduced.path, reproduced.path / "sweeps/three.yaml")
    winner = ranked(1, chosen.points[0].name)
    dear, cheap = ranked(2, "dear", seconds=9.0), ranked(3, "cheap<b>", seconds=1.0)
    assert "cheapest" not in body(chosen, winner, dear)
    text = body(chosen, winner, dear, cheap)
    assert "2 others are indistinguishable from it." in text
    assert "<code>cheap&lt;b&gt;</code>, trained in 1.0 s\ninstead of 10.0 s." in text
    assert f'Without a result, see <a href="https://a/run">the run</a>: <code>{chosen.points[1].name}</code>' in text


def ranked(rank: int, name: str, seconds: float = 10.0) -> Row:
    """An experiment on the leaderboard that may be as good as the best."""
    score = 0.8 - rank / 100
    cost = Cost(seconds, "x86", 1.0)
    scores, seeds = Scores(score, {}, 100), Seeds(1, score, 0.0)
    record = Record(Experiment(name, "c" * 40, "b" * 40), {}, scores, seeds, cost, "", "")
    return Row(rank, record, Stats(score - 0.02, score + 0.02, 0, -0.1, 0.1, True), {})


def body(chosen: Plan, *rows: Row) -> str:
    """The text of the first row's pull request."""
    board = Board(list(rows), [], [], "weighted_f1", "", {}, 100, 100, None, Params.model_validate(small_params()).gate)
    return _body(chosen, board, rows[0], chosen.points[0], "https://a/run")
