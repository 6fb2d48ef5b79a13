"""What a run hands to the judge: one zip archive. Written by code that nobody trusts, read as data.

bundle.json   how the run ended: `{"version": 1, "outcome": "reproduced" | "failed", "stage", "reason"}`
log.txt       what the run printed
runs.json     what ran, for how long (see `verdict.repo.repro`)
dvc.lock, metrics/, plots/, models/classifier/, data/   what came out, under the paths of the repository
"""

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAME = "bundle"
HEADER = "bundle.json"
LOG = "log.txt"
RUNS = "runs.json"
VERSION = 1
REPRODUCED, FAILED = "reproduced", "failed"
# Of raw data: what is more, or no table by its name, the judge asks the remote for.
MOST_RAW_FILES, MOST_RAW_MB = 100, 200


@dataclass(frozen=True)
class Header:
    """How a run ended; `stage` and `reason` where it failed."""

    outcome: str
    stage: str | None = None
    reason: str | None = None


def write(folder: Path, head: Header, root: Path, files: Iterable[str], record: dict[str, Any]) -> None:
    """Fill `folder`, which may hold the log already, with the head, the record of what ran, and files of `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
    (folder / RUNS).write_text(json.dumps(record), encoding="utf-8")
    (folder / HEADER).write_text(json.dumps({"version": VERSION, **asdict(head)}), encoding="utf-8")
