"""Temporary copies of this repository for benchmarks, and processes measured from outside."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.classifier.params import PATH, load

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measure:
    """Wall-clock seconds, the peak resident memory of the largest process in GiB, and seconds of all processors."""

    seconds: float
    gib: float
    cpu: float


def copy_repository(target: Path, with_raw: bool = True) -> None:
    """Copy what git tracks, and the raw data unless told otherwise, but no cache and no output of a stage."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if name != "dvc.lock" and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    if with_raw:
        copy_raw(target)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)


def copy_raw(target: Path) -> str:
    """Copy the raw data to its place; returns its path."""
    raw = load(ROOT / PATH).data.path
    if not (ROOT / raw).exists():
        raise VerdictError(raw, "no such file", "python -I data/fetch.py, or dvc checkout")
    (target / raw).parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / raw).is_dir():
        shutil.copytree(ROOT / raw, target / raw)
    else:
        shutil.copy2(ROOT / raw, target / raw)
    return raw


def run(command: list[str], folder: Path) -> Measure:
    """Run a command to its end; `VerdictError` with its output when it fails."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    begin = time.perf_counter()
    with (folder / "benchmark.log").open("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise VerdictError(" ".join(command), f"exit code {process.returncode}\n{log.read()}", "see its output")
    return Measure(seconds, usage.ru_maxrss / 2**20, usage.ru_utime + usage.ru_stime)
