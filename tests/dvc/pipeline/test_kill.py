"""kill -9 in the middle of a stage: the next `dvc repro` mends everything.

A stage lives for a second, so a kill by the clock would hit its imports, or nothing. A hook in the interpreter
(`at_start` of `warm_interpreter`, tests/warm) stops the stage at the worst moment instead: a file is written under its
temporary name, and not yet in its place. The stage's own code is what a user runs. Every stage writes by the same
function, as tests/dvc/stages/test_writing.py sees: two stages of a stub and one real one are enough to kill.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.documents import load, save
from tests.dvc.pipeline.clone import TIMEOUT, Clone, declared_outs, environment, remove
from tests.stub import STAGES
from tests.warm import cold_path, first, warm_interpreter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc"),
]

HOOK = """
import os, sys, time
if sys.orig_argv[1:] == ["-I", "-m", "stages." + os.environ["KILL_STAGE"]]:
    os.environ["VERDICT_TESTS_COLD"] = "1"
    replace = os.replace
    def stop_before(source, target, **options):
        if os.fspath(target) == os.environ["KILL_BEFORE"]:
            with open(os.environ["KILL_MARKER"] + ".new", "w") as file:
                file.write(str(os.getpid()))
            replace(os.environ["KILL_MARKER"] + ".new", os.environ["KILL_MARKER"])
            time.sleep(60)
            os._exit(99)  # nobody came: the test has failed, and this process must not stay
        replace(source, target, **options)
    os.replace = stop_before
"""
# A file that each stage of the stub, and one that a real one writes late: what came before it is already in place.
LATE = {"prepare": "data/prepared/train.parquet", "train": "plots/training.json"}


def before_stage(finished: Clone, stage: str, path: Path) -> Clone:
    """A copy in which `stage` and those after it have never run: not in the lock, no out, nothing in a cache."""
    clone = finished.copy(path)
    stages = list(clone.dag()["stages"])
    gone = stages[stages.index(stage) :]
    lock = load(clone.lock())
    lock["stages"] = {name: body for name, body in lock["stages"].items() if name not in gone}
    if lock["stages"]:
        save(path / "dvc.lock", lock)
    else:
        (path / "dvc.lock").unlink()
    for name, _ in declared_outs(clone.dag(), *gone):
        remove(path / name)
    shutil.rmtree(path / ".dvc/cache/runs")  # or DVC would bring the results back instead of running the stage
    return clone


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty when it has ended."""
    try:
        return [part.decode() for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextmanager
def stopped(clone: Clone, stage: str, before: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Yield `dvc repro` of a stage and the id of the stage's process, asleep just before a file takes its place."""
    beside = clone.path.with_name(clone.path.name + "-hook")
    python = warm_interpreter(beside, at_start=HOOK)
    marker = beside / "marker"
    variables = {
        "PATH": first(python),
        "KILL_STAGE": stage,
        "KILL_BEFORE": before,
        "KILL_MARKER": str(marker),
    }
    with (beside / "output").open("wb") as output:
        process = subprocess.Popen(
            ["dvc", "repro", stage],
            cwd=clone.path,
            env={**environment(clone.path), **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(TIMEOUT * 50):
            if marker.exists() or process.poll() is not None:
                break
            time.sleep(0.02)
        printed = (beside / "output").read_text(encoding="utf-8")
        assert marker.exists(), f"{stage} did not come to {before}:\n{printed}"
        yield process, int(marker.read_text(encoding="utf-8"))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=TIMEOUT)


def wait_for_end(pid: int) -> None:
    """Return once the process is gone or a zombie that only its parent can take away."""
    for _ in range(TIMEOUT * 50):
        if not command_line(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} outlived its kill")


def partials(clone: Clone) -> list[str]:
    """Files under their temporary names, anywhere in the clone."""
    return [path.relative_to(clone.path).as_posix() for path in clone.path.rglob("*.partial*")]


def assert_mended(clone: Clone, finished: Clone) -> None:
    """A repro gives what an uninterrupted run gives, in the lock and in every result, and leaves nothing else."""
    clone.run("dvc", "repro")
    assert clone.lock() == finished.lock()
    assert clone.results() == finished.results()
    assert partials(clone) == []
    assert "??" not in clone.changes()


def kill(finished: Clone, path: Path, stage: str) -> Clone:
    """A copy in which the process of `stage` was killed while it wrote, which dvc reported."""
    clone = before_stage(finished, stage, path)
    with stopped(clone, stage, LATE[stage]) as (process, pid):
        assert command_line(pid)[-2:] == ["-m", f"stages.{stage}"]
        assert len(partials(clone)) == 1, "the kill comes too early or too late"
        os.kill(pid, signal.SIGKILL)
        assert process.wait(timeout=TIMEOUT) != 0
    printed = path.with_name(f"{path.name}-hook") / "output"
    assert f"failed to reproduce '{stage}'" in printed.read_text(encoding="utf-8")
    assert partials(clone) != []
    return clone


@pytest.mark.parametrize("stage", STAGES)
def test_repro_mends_what_a_killed_stage_left(stub: Clone, tmp_path: Path, stage: str) -> None:
    """After a stage is killed while it writes, dvc reports it, and the next repro ends as usual."""
    assert_mended(kill(stub, tmp_path / "clone", stage), stub)


def test_repro_mends_what_a_killed_training_left(finished: Clone, tmp_path: Path) -> None:
    """The same for the real DAG, killed after the training wrote its artifact and before its plot."""
    clone = kill(finished, tmp_path / "clone", "train")
    assert (clone.path / "models/classifier/manifest.json").is_file()
    assert_mended(clone, finished)


@pytest.mark.parametrize(
    ("stage", "before"),
    [
        ("train", "models/classifier/manifest.json"),
        ("prepare", "data/prepared/dropped.json"),
    ],
)
def test_repro_mends_what_was_killed_together_with_dvc(stub: Clone, tmp_path: Path, stage: str, before: str) -> None:
    """After dvc is killed with its stage and cannot clean up or unlock, the next repro ends as usual."""
    clone = before_stage(stub, stage, tmp_path / "clone")
    with stopped(clone, stage, before) as (process, pid):
        assert command_line(pid)[-2:] == ["-m", f"stages.{stage}"]
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(timeout=TIMEOUT) == -signal.SIGKILL
        wait_for_end(pid)
    assert partials(clone) != []
    assert_mended(clone, stub)


def test_repro_mends_what_was_killed_while_it_loaded(stub: Clone, tmp_path: Path) -> None:
    """After dvc and its stage are killed as soon as the stage's process starts, the next repro ends as usual."""
    clone = before_stage(stub, "prepare", tmp_path / "clone")
    process = subprocess.Popen(
        ["dvc", "repro", "prepare"],
        cwd=clone.path,
        env={**environment(clone.path), "PATH": cold_path()},  # so that all its processes are of one session
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    found: int | None = None
    try:
        for _ in range(TIMEOUT * 50):
            found = next(
                (pid for pid in session(process.pid) if command_line(pid)[1:] == ["-I", "-m", "stages.prepare"]), None
            )
            if found is not None or process.poll() is not None:
                break
            time.sleep(0.02)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=TIMEOUT)
    assert found is not None
    wait_for_end(found)
    assert_mended(clone, stub)


def session(leader: int) -> list[int]:
    """The ids of the processes in a session."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader:
            members.append(int(path.parent.name))
    return members
