"""The processes of a worker, found by an environment variable that all their children inherit.

The variable outlives the sweep that set it. Unlike a recorded process id, which the system may give to another process,
it cannot name a foreign process.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

MARK = "VERDICT_SWEEP_WORKER"
_GRACE = 10.0  # seconds between SIGTERM and SIGKILL, in which torchrun ends its processes


def processes_of(folder: Path) -> list[psutil.Process]:
    """The living processes of the worker in `folder`."""
    return [process for process in psutil.process_iter() if _belongs_to(process, str(folder))]


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
    """End all processes of these workers: by SIGTERM, and after a while by SIGKILL."""
    running = [process for folder in folders for process in processes_of(folder)]
    _signal(running, psutil.Process.terminate)
    deadline = time.monotonic() + _GRACE
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        running = [process for process in running if _is_alive(process)]
    _signal([process for folder in folders for process in processes_of(folder)], psutil.Process.kill)


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.Error:
            continue


def _belongs_to(process: psutil.Process, mark: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == mark and _is_alive(process)
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
