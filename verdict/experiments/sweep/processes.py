"""The processes of a worker: found by a mark in their environment, which all that they start inherits.

A mark outlives the sweep that set it, and is nobody else's: no process of another can be taken for a worker's, as it
could by an id that was written down and has been given away again.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

MARK = "VERDICT_SWEEP_WORKER"
_GRACE = 10.0  # seconds between the polite signal and the other one; torchrun ends its processes meanwhile


def processes_of(folder: Path) -> list[psutil.Process]:
    """The living processes of the worker in `folder`."""
    return [process for process in psutil.process_iter() if _belongs(process, str(folder))]


def experiment_of(folder: Path) -> str | None:
    """The name of the experiment that a living worker is running."""
    for process in processes_of(folder):
        try:
            words: list[str] = process.cmdline()
        except psutil.Error:
            continue
        if words[4:8] == ["-m", "dvc", "exp", "run"]:
            return words[words.index("--name") + 1]
    return None


def stop(folders: list[Path]) -> None:
    """End all processes of these workers: politely, and after a while otherwise."""
    running = [process for folder in folders for process in processes_of(folder)]
    _signal(running, psutil.Process.terminate)
    deadline = time.monotonic() + _GRACE
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        running = [process for process in running if _lives(process)]
    _signal([process for folder in folders for process in processes_of(folder)], psutil.Process.kill)


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.Error:
            continue


def _belongs(process: psutil.Process, mark: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == mark and _lives(process)
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
