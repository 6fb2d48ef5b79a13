"""A clone with two small stages and two spec files, for real sweeps."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.shared import once
from tests.stub import stub_clone

FIVE = """
list:
  - {train.linear.alpha: 1.0e+308}  # valid params: the training diverges
grid:
  train.seed: [1, 2, 3, 4]
"""
THREE = """
grid:
  train.seed: [1, 2, 3]
"""
# Every training records its start and end, and waits in between while a file `notes.wait` exists.
HOOK = """
import atexit, os, sys, time
if sys.orig_argv[1:] == ["-I", "-m", "stages.train"]:
    def note(word):
        with open(os.environ["SWEEP_NOTES"], "a") as file:
            file.write(word + " " + os.environ["DVC_EXP_NAME"] + "\\n")
    note("began")
    with open(os.environ["SWEEP_NOTES"], "a") as file:
        seen = [os.environ.get(name, "-") for name in ("VERDICT_CHECKPOINTS", "ACTIONS_ID_TOKEN_REQUEST_URL")]
        seen.append(",".join(sorted(os.listdir("data/start/tiny"))) if os.path.isdir("data/start/tiny") else "-")
        file.write(" ".join(["saw", os.environ["DVC_EXP_NAME"], *seen]) + "\\n")
    atexit.register(note, "ended")
    for _ in range(1200):
        if not os.path.exists(os.environ["SWEEP_NOTES"] + ".wait"):
            break
        time.sleep(0.05)
"""


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose baseline is reproduced and committed, with the spec files; do not change it."""
    temporary = tmp_path_factory.getbasetemp()
    return Clone(once(temporary, "sweep", lambda folder: with_specs(stub_clone(temporary), folder)) / "verdict")


def with_specs(clone: Clone, folder: Path) -> Clone:
    """A copy of a clone in `folder` whose only spec files are these, committed."""
    copy = clone.copy(folder / "verdict")
    shutil.rmtree(copy.path / "sweeps")
    (copy.path / "sweeps").mkdir()
    (copy.path / "sweeps/five.yaml").write_text(FIVE, encoding="utf-8")
    (copy.path / "sweeps/three.yaml").write_text(THREE, encoding="utf-8")
    copy.commit("Spec files")
    return copy


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Clone, str], Clone]:
    """A function that gives a test its own copy of a clone, under a name."""
    return lambda clone, name: clone.copy(tmp_path / name)
