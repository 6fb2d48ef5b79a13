"""A clone with the DAG reproduced and two spec files, for sweeps that really run; and what its stages did."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, fresh_clone

SIX = """
list:
  - {train.linear.alpha: 1.0e+308}  # no mistake of the params: the training diverges
grid:
  train.seed: [1, 2, 3, 4, 5]
"""
THREE = """
grid:
  train.seed: [1, 2, 3]
"""
# Every training notes its beginning and its end, and where it is told to, waits in between.
HOOK = """
import atexit, os, sys, time
if sys.orig_argv[1:] == ["-m", "stages.train"]:
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
    """A clone whose baseline is reproduced and committed, with the spec files; not to be changed."""
    clone = fresh_clone(tmp_path_factory.mktemp("sweep") / "verdict")
    shutil.rmtree(clone.path / "sweeps")
    (clone.path / "sweeps").mkdir()
    (clone.path / "sweeps/six.yaml").write_text(SIX, encoding="utf-8")
    (clone.path / "sweeps/three.yaml").write_text(THREE, encoding="utf-8")
    clone.run("dvc", "repro")
    clone.commit("Reproduced")
    return clone


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Clone, str], Clone]:
    """A function that gives a test its own copy of a clone, under a name."""
    return lambda clone, name: clone.copy(tmp_path / name)
