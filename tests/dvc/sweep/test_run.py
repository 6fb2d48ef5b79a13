"""Sweeps that really run: failures, kill -9, Ctrl-C, and what is left behind."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import TIMEOUT, Clone, environment, finished_clone
from tests.dvc.sweep.conftest import with_specs
from tests.dvc.sweep.sweep_runner import SweepRunner
from tests.waiting import wait_until
from verdict.experiments.sweep.plan import Plan, plan
from verdict.experiments.sweep.scheduler import run
from verdict.experiments.sweep.worker import Worker

pytestmark = pytest.mark.slow
Copy = Callable[[Clone, str], Clone]


def names(clone: Clone, spec: str) -> list[str]:
    """The names of a spec file's points."""
    listing = clone.read_json("python", "-I", "-m", "verdict", "sweep", "points", f"sweeps/{spec}.yaml", "--json")
    return [str(name) for name in listing["names"]]


def split(points: list[str]) -> tuple[set[str], str]:
    """The names of the points that succeed, and of the one that fails."""
    failing = next(name for name in points if "alpha" in name)
    return set(points) - {failing}, failing


def test_one_failing_point_of_five(reproduced: Clone, copy_of: Copy) -> None:
    """Five points over two workers, one diverges: four results, one failure by name with its log, exit 1; then rest."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    good, failing = split(names(sweep.clone, "five"))
    before = sweep.clone.lock()
    process = sweep.run("sweeps/five.yaml", "--jobs", "2")
    assert process.returncode == 1, process.stdout
    assert sweep.experiments() == good
    assert f"{failing}  failed: train: params.yaml: train.linear: the training diverged" in process.stdout
    assert "4 of 5 points have a result" in process.stdout
    log = sweep.clone.path / f".dvc/tmp/sweeps/logs/{failing}.log"
    assert f"failed: {failing}: {log.relative_to(sweep.clone.path)}" in process.stdout
    assert "diverged" in log.read_text(encoding="utf-8")
    assert (sweep.clone.changes(), sweep.clone.lock(), sweep.folders()) == ("", before, [])

    again = sweep.run("sweeps/five.yaml", "--jobs", "2")
    assert (again.returncode, again.stdout.count("had a result")) == (1, 4), again.stdout
    assert f"{failing}  failed before: train: params.yaml" in again.stdout
    assert set(sweep.counts("began").values()) == {1}
    assert sweep.run("sweeps/five.yaml", "--only", *good).returncode == 0
    assert sweep.run("sweeps/five.yaml", "--only", failing, "--retry").returncode == 1
    assert sweep.counts("began")[failing] == 2


def test_a_sweep_of_the_real_stages(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """On the whole DAG two points give a result and a failure, and the tree and the baseline's results stay."""
    made = with_specs(finished_clone(tmp_path_factory.getbasetemp()), tmp_path)
    sweep, before = SweepRunner(made), made.results()
    good, failing = split(names(made, "five"))
    name = min(good)
    process = sweep.run("sweeps/five.yaml", "--only", name, failing, "--jobs", "2")
    assert process.returncode == 1, process.stdout
    assert sweep.experiments() == {name}
    assert f"{failing}  failed: train: params.yaml: train.linear: the training diverged" in process.stdout
    assert f"{name}  weighted F1 on validation " in process.stdout
    assert (made.changes(), made.results(), sweep.folders()) == ("", before, [])
    made.run("dvc", "exp", "apply", name)
    assert (made.path / "metrics/evaluation.json").read_bytes() != before["metrics/evaluation.json"]


def test_an_experiment_has_the_params_of_its_point(reproduced: Clone, copy_of: Copy) -> None:
    """The experiment changes the params of its point and no other; one of that name with others is refused."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    name = names(sweep.clone, "three")[1]
    assert sweep.run("sweeps/three.yaml", "--only", name).returncode == 0
    changes = sweep.clone.read_json("dvc", "params", "diff", "--json", "HEAD", name)["params.yaml"]
    assert {key: (change["old"], change["new"]) for key, change in changes.items()} == {"train.seed": (2014, 2)}

    (sweep.clone.path / "sweeps/three.yaml").write_text("grid: {train.seed: [1]}", encoding="utf-8")
    other = names(sweep.clone, "three")[0]
    sweep.clone.run("dvc", "exp", "rename", name, other)
    process = sweep.run("sweeps/three.yaml")
    assert process.returncode == 1
    assert f"error: {other}: this experiment" in process.stdout
    assert set(sweep.counts("began")) == {name}


def test_all_killed_and_resumed(reproduced: Clone, copy_of: Copy) -> None:
    """Kill -9 of the sweep and its workers: the next one runs what has no result, and no training ends twice."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    good, failing = split(names(sweep.clone, "five"))
    process = sweep.start("sweeps/five.yaml", "--jobs", "2")
    wait_until(lambda: sweep.counts("ended").total() >= 2 and len(sweep.experiments()) >= 1)
    sweep.gate.touch()  # so that the kill hits two trainings
    wait_until(lambda: sweep.counts("began").total() == sweep.counts("ended").total() + 2)
    sweep.kill(process, workers=True)
    cut = set(sweep.counts("began") - sweep.counts("ended"))
    assert len(cut) == 2
    assert sweep.clone.changes() == ""
    sweep.gate.unlink()

    resumed = sweep.run("sweeps/five.yaml", "--jobs", "2")
    assert resumed.returncode == 1, resumed.stdout
    assert sweep.experiments() == good
    assert dict(sweep.counts("ended")) == dict.fromkeys([*good, failing], 1)
    assert {name for name, count in sweep.counts("began").items() if count > 1} == cut
    assert (sweep.clone.changes(), sweep.folders()) == ("", [])


def test_workers_that_outlive_the_sweep(reproduced: Clone, copy_of: Copy) -> None:
    """Kill -9 of the sweep alone: its workers go on, and the next one takes their results and starts nothing twice."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    points = names(sweep.clone, "three")
    sweep.gate.touch()
    process = sweep.start("sweeps/three.yaml", "--jobs", "2")
    wait_until(lambda: sweep.counts("began").total() == 2)
    sweep.kill(process, workers=False)
    assert sweep.processes()
    resumed = sweep.start("sweeps/three.yaml", "--jobs", "3")
    wait_until(lambda: sweep.counts("began").total() >= 3)  # else the run-cache could hide that one began twice
    sweep.gate.unlink()
    assert resumed.wait(timeout=TIMEOUT) == 0, sweep.output.read_text(encoding="utf-8")
    assert sweep.experiments() == set(points)
    assert dict(sweep.counts("began")) == dict.fromkeys(points, 1)
    assert sweep.folders() == []


def test_a_failure_that_nobody_saw(reproduced: Clone, copy_of: Copy) -> None:
    """A point that fails while the sweep is dead is not run again by the next one, which says why it failed."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    _, failing = split(names(sweep.clone, "five"))
    sweep.gate.touch()
    process = sweep.start("sweeps/five.yaml", "--only", failing)
    wait_until(lambda: sweep.counts("began").total() == 1)
    sweep.kill(process, workers=False)
    sweep.gate.unlink()
    wait_until(lambda: not sweep.processes())
    again = sweep.run("sweeps/five.yaml", "--only", failing)
    assert again.returncode == 1
    assert f"{failing}  failed before: train: params.yaml: train.linear: the training diverged" in again.stdout
    assert sweep.counts("began")[failing] == 1
    assert sweep.folders() == []


def test_a_worker_that_was_killed_while_it_was_made(reproduced: Clone, copy_of: Copy) -> None:
    """Half a clone, as kill -9 or a power cut leaves it, is reported and removed, and stops no sweep."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    half = sweep.clone.path / ".dvc/tmp/sweeps/workers/half"
    (half / "clone/.git").mkdir(parents=True)
    (half / "clone/.git/description").touch()
    name = names(sweep.clone, "three")[0]
    process = sweep.run("sweeps/three.yaml", "--only", name)
    assert process.returncode == 0, process.stdout
    assert ".dvc/tmp/sweeps/workers/half: unusable, removed" in process.stdout
    assert sweep.folders() == []


def test_what_a_training_finds(reproduced: Clone, copy_of: Copy) -> None:
    """A training has its point's checkpoint folder in the repository, and fetched weights, and no token."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    weights = sweep.clone.path / "data/start/tiny"
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"1")
    sweep.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = "http://127.0.0.1:9/"  # noqa: S105 - an address
    name = names(sweep.clone, "three")[0]
    assert sweep.run("sweeps/three.yaml", "--only", name).returncode == 0
    assert sweep.seen(name) == [str(sweep.clone.path / ".checkpoints" / name), "-", "model.safetensors"]
    assert (weights / "model.safetensors").read_bytes() == b"1"


def test_trouble_with_one_worker_does_not_end_the_others(
    reproduced: Clone, copy_of: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a worker cannot be made (a full disk), running points end, no more begin, and the error is reported."""
    clone = copy_of(reproduced, "verdict")
    for name, value in environment(clone.path).items():
        monkeypatch.setenv(name, value)
    asked, new = iter(range(9)), Worker.new

    def first_alone(plan: Plan, cache: Path) -> Worker:
        if next(asked):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return new(plan, cache)

    monkeypatch.setattr(Worker, "new", first_alone)
    with pytest.raises(OSError, match="No space left"):
        run(plan(clone.path, clone.path / "sweeps/three.yaml"), [], jobs=2, retry=False)
    printed = capsys.readouterr().out
    assert printed.count("weighted F1 on validation") == 1
    assert printed.count("not run") == 2
    assert len(clone.run("git", "for-each-ref", "refs/exps").splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(reproduced: Clone, copy_of: Copy, number: signal.Signals) -> None:
    """Ctrl-C and a polite kill end the workers too, and leave neither process nor folder; a second sweep is refused."""
    sweep = SweepRunner(copy_of(reproduced, "verdict"))
    sweep.gate.touch()
    process = sweep.start("sweeps/three.yaml", "--jobs", "2")
    wait_until(lambda: sweep.counts("began").total() == 2)
    trainings = sweep.processes()
    second = sweep.run("sweeps/three.yaml")
    assert (second.returncode, "another sweep runs in this clone" in second.stdout) == (1, True), second.stdout
    process.send_signal(number)
    assert process.wait(timeout=TIMEOUT) == 130
    assert "interrupted" in sweep.output.read_text(encoding="utf-8")
    wait_until(lambda: not any(training.is_running() for training in trainings))
    assert (sweep.folders(), sweep.clone.changes(), sweep.experiments()) == ([], "", set())


def test_changes_that_would_not_be_tried(reproduced: Clone, copy_of: Copy) -> None:
    """A changed file is refused by name, as experiments are of the commit; a changed spec file is not."""
    clone = copy_of(reproduced, "verdict")
    (clone.path / "sweeps/three.yaml").write_text("list: [{train.linear.alpha: 1.0e+308}]", encoding="utf-8")
    (clone.path / "verdict/classifier/scores/metrics.py").write_text("", encoding="utf-8")
    process = clone.try_run("python", "-I", "-m", "verdict", "sweep", "run", "sweeps/three.yaml")
    assert process.returncode == 1
    assert "changed, and not committed: verdict/classifier/scores/metrics.py\n" in process.stdout


def test_data_that_are_not_here(reproduced: Clone, copy_of: Copy) -> None:
    """A cache without the baseline's data ends the sweep at once, with what to do about it."""
    clone = copy_of(reproduced, "verdict")
    clone.run("rm", "-r", ".dvc/cache")
    process = clone.try_run("python", "-I", "-m", "verdict", "sweep", "run", "sweeps/three.yaml")
    assert process.returncode == 1
    assert "error: dvc checkout: the cache lacks data" in process.stdout
    assert "make repro, or dvc fetch" in process.stdout
    assert list((clone.path / ".dvc/tmp/sweeps/workers").iterdir()) == []
