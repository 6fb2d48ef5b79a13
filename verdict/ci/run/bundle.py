"""The bundle that a run hands to the judge: a zip archive, written by untrusted code and read as data.

bundle.json   the end of the run: `{"version": 1, "outcome": "reproduced" | "failed", "stage", "reason"}`
log.txt       the output of the run
runs.json     the stages that ran, and their times (see `verdict.repo.repro`)
dvc.lock, metrics/, plots/, models/classifier/, data/   the results, under the paths of the repository
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
# Limits of raw data in a bundle. The judge downloads more, and files that are no tables by name, from the remote.
MOST_RAW_FILES, MOST_RAW_MB = 100, 200


@dataclass(frozen=True)
class Header:
    """The end of a run; `stage` and `reason` if it failed."""

    outcome: str
    stage: str | None = None
    reason: str | None = None


def write(folder: Path, header: Header, root: Path, files: Iterable[str], record: dict[str, Any]) -> None:
    """Write the header, the record of the stages that ran, and files of `root` to `folder`, which may have the log."""
    folder.mkdir(parents=True, exist_ok=True)
    copy_files(root, files, folder)
    (folder / RUNS).write_text(json.dumps(record), encoding="utf-8")
    (folder / HEADER).write_text(json.dumps({"version": VERSION, **asdict(header)}), encoding="utf-8")


def copy_files(root: Path, names: Iterable[str], target: Path) -> None:
    """Copy files of `root` to the same paths below `target`."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)
