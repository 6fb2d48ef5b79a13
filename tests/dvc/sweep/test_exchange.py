"""Two clones, a bare git remote and a folder as DVC remote exchange experiments, and report clashing names."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.sweep.sweep_runner import SweepRunner
from tests.dvc.sweep.test_run import names

pytestmark = pytest.mark.slow
SPEC = "sweeps/three.yaml"


@pytest.fixture
def machines(reproduced: Clone, tmp_path: Path) -> tuple[Clone, Clone]:
    """Two clones that share a git remote `origin` and a DVC remote `sweeps`."""
    one = reproduced.copy(tmp_path / "one")
    one.run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(tmp_path / "hub.git"))
    one.run("git", "remote", "add", "origin", str(tmp_path / "hub.git"))
    one.run("dvc", "remote", "add", "sweeps", str(tmp_path / "store"))
    one.commit("A remote for sweeps")
    one.run("git", "push", "--quiet", "origin", "main")
    two = one.copy(tmp_path / "two")
    return one, two


def meet(clone: Clone, way: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`sweep push` or `sweep pull`."""
    return clone.try_run("python", "-I", "-m", "verdict", "sweep", way, SPEC, *arguments)


def test_experiments_of_two_machines_meet(machines: tuple[Clone, Clone]) -> None:
    """One clone pulls what the other pushed, with its data; existing experiments are not sent again."""
    one, two = machines
    first, second, _ = names(one, "three")
    for clone, name in ((one, first), (two, second)):
        assert SweepRunner(clone).run(SPEC, "--only", name).returncode == 0
    pushed = [meet(clone, "push") for clone in machines]
    assert [(process.returncode, process.stdout) for process in pushed] == [
        (0, "push: 1 new, 0 were there, 2 not run\n"),
        (0, "push: 1 new, 0 were there, 2 not run\n"),
    ]
    shutil.rmtree(one.path / ".dvc/cache")  # so that all that follows came by the remote
    pulled = meet(one, "pull")
    assert (pulled.returncode, pulled.stdout) == (0, "pull: 1 new, 1 were there, 1 not run\n")
    refs = [clone.run("git", "for-each-ref", "refs/exps") for clone in machines]
    assert refs[0].count("\n") == 2
    assert set(refs[1].splitlines()) < set(refs[0].splitlines())
    one.run("dvc", "exp", "apply", second)
    assert one.params()["train"]["seed"] == 2
    assert (one.path / "models/classifier").is_dir()
    assert "not in cache" not in one.run("dvc", "data", "status").lower()


def made_up(clone: Clone, name: str, seed: int) -> str:
    """An experiment of this name whose params have this seed, as another machine could have made it; its commit."""
    base = clone.run("git", "rev-parse", "HEAD").strip()
    params = clone.params()
    params["train"]["seed"] = seed
    clone.write_params(params)
    clone.run("git", "add", "params.yaml")
    tree = clone.run("git", "write-tree").strip()
    clone.run("git", "reset", "--quiet", "--hard")
    commit = clone.run("git", "commit-tree", tree, "-p", base, "-m", f"{clone.path.name} {name}").strip()
    clone.run("git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", commit)
    return commit


def test_a_name_with_the_params_of_another_point(machines: tuple[Clone, Clone]) -> None:
    """An experiment that was given a point's name and has other params is refused both ways, and is not sent."""
    one, two = machines
    name = names(one, "three")[0]
    made_up(one, name, seed=9)
    process = meet(one, "push")
    assert (process.returncode, f"error: {name}: this experiment" in process.stdout) == (1, True), process.stdout
    assert one.run("git", "ls-remote", "origin", "refs/exps/*") == ""
    one.run("git", "push", "--quiet", "origin", "refs/exps/*:refs/exps/*")
    process = meet(two, "pull")
    assert (process.returncode, f"error: {name}: this experiment" in process.stdout) == (1, True), process.stdout


def test_equal_names_with_other_content(machines: tuple[Clone, Clone]) -> None:
    """Another experiment of the same name is refused both ways, with both commits; what does not clash moves."""
    one, two = machines
    points = names(one, "three")
    commits = {
        (clone, name): made_up(clone, name, seed)
        for clone, found in ((one, points[:1]), (two, points[:2]))
        for seed, name in enumerate(found, 1)
    }
    assert meet(one, "push").returncode == 0
    for clone, way in ((two, "push"), (two, "pull")):
        process = meet(clone, way)
        assert process.returncode == 1, process.stdout
        assert f"{points[0]}: {commits[two, points[0]]} here, {commits[one, points[0]]} at origin" in process.stdout
        assert "give up one: dvc exp remove NAME" in process.stdout
    there = one.run("git", "ls-remote", "origin", "refs/exps/*")
    assert commits[one, points[0]] in there
    assert commits[two, points[1]] in there
    assert commits[two, points[0]] not in there


def test_what_cannot_meet(machines: tuple[Clone, Clone]) -> None:
    """A DVC remote that is not set up is reported before anything is sent; a requested point without a run gives 1."""
    one, _ = machines
    unknown = meet(one, "push", "--remote", "elsewhere")
    assert (unknown.returncode, "dvc remote add elsewhere" in unknown.stdout) == (1, True), unknown.stdout
    mains = meet(one, "push", "--remote", "local")
    assert mains.returncode == 1, mains.stdout
    assert "error: remote local: main's own" in mains.stdout
    absent = meet(one, "push", "--only", names(one, "three")[0])
    assert (absent.returncode, absent.stdout) == (1, "push: 0 new, 0 were there, 1 not run\n")
    nameless = meet(one, "pull", "--only", "three-seed_9-000000")
    assert (nameless.returncode, "no point of this sweep" in nameless.stdout) == (1, True), nameless.stdout
