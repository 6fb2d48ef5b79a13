"""The cost of an experiment, for the leaderboard.

Times differ from run to run, so they are in no stage's outputs and not in dvc.lock. metrics/cost.json is in git and
empty; only trainings of an experiment write it, and DVC commits it with the experiment.
"""

import os
from pathlib import Path

from verdict.base.files import write_json

PATH = Path("metrics/cost.json")
# DVC sets it for the stages of an experiment.
_NAME = "DVC_EXP_NAME"


def record_cost(seconds: float, rows: int, device: str) -> None:
    """Write the cost of a training, if it belongs to an experiment.

    Args:
        seconds: of the training, all seeds together.
        rows: how many were trained on, each counted once for every epoch and seed.
        device: a hardware class, see `verdict.base.numerics`.
    """
    if name := os.environ.get(_NAME):
        cost = {
            "experiment": name,
            "seconds": round(seconds, 2),
            "device": device,
            "rows_per_second": round(rows / seconds, 1),
        }
        write_json(PATH, cost)
