"""A clone whose DAG has two stages of a few lines, for tests that do not depend on what stages compute.

They import no data library, read params and write results as the real ones do, and have their names.
"""

import shutil
from pathlib import Path

from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone, empty_clone, remove
from tests.shared import once

STAGES = ("prepare", "train")
_DAG = """
stages:
  prepare:
    cmd: python -I -m stages.prepare
    deps:
      - ${data.path}
      - stages/prepare.py
    params:
      - data
      - split
    outs: # the outputs of prepare that a training may read
      - data/prepared/dropped.json
      - data/prepared/train.parquet
  train:
    cmd: python -I -m stages.train
    deps:
      - data/prepared/dropped.json
      - data/prepared/train.parquet
      - stages/train.py
    params:
      - train
    outs:
      - models/classifier
    metrics:
      - metrics/validation.json:
          cache: false
    plots:
      - plots/training.json:
          cache: false
"""
_PREPARE = '''
"""Name and size of the table."""

from pathlib import Path

from verdict.base.files import write_json
from verdict.classifier import params

table = Path(params.load().data.path)
write_json(Path("data/prepared/dropped.json"), table.name)
write_json(Path("data/prepared/train.parquet"), table.stat().st_size)
'''
_TRAIN = '''
"""A score that depends on the seed."""

import sys
from pathlib import Path

from verdict.classifier import params
from verdict.base.files import write_json, write_rows

train = params.load().train
if train.linear.alpha > 1e300:
    sys.exit("error: params.yaml: train.linear: the training diverged")
write_json(Path("models/classifier/model.json"), train.seed)
write_json(Path("models/classifier/manifest.json"), {"seed": train.seed})
write_rows(Path("plots/training.json"), [{"epoch": 1, "loss": 1.0}])
write_json(Path("metrics/validation.json"), {"overall": {"weighted_f1": 1 / (1 + train.seed)}})
'''


_NOT_NEEDED = (".github", "benchmarks", "docs", "install", "requirements", "tests")


def stub_clone(temporary: Path) -> Clone:
    """A clone with this DAG reproduced and committed, made once a run of pytest; do not change it."""

    def build(folder: Path) -> None:
        clone = empty_clone(temporary).copy(folder / "verdict")
        dag = load(_DAG)
        for stage in dag["stages"].values():  # `verdict repro` lets a stage import what it declares
            stage["deps"] += ["stages/__init__.py", "verdict"]
        for name in _NOT_NEEDED:  # DVC looks at every tracked file
            remove(clone.path / name)
        shutil.rmtree(clone.path / "stages")
        (clone.path / "stages").mkdir()
        for name, text in {"__init__": "", "prepare": _PREPARE, "train": _TRAIN}.items():
            (clone.path / f"stages/{name}.py").write_text(text.lstrip(), encoding="utf-8")
        save(clone.path / "dvc.yaml", dag)
        clone.run("dvc", "repro")
        clone.commit("Two stages, reproduced")

    return Clone(once(temporary, "stub", build) / "verdict")
