"""Run sweeps as processes, interrupt and kill them, and read what their trainings recorded."""

import os
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from tests.dvc.pipeline.clone import TIMEOUT, Clone, environment
from tests.dvc.sweep.conftest import HOOK
from tests.waiting import wait_until
from tests.warm import warm_interpreter
from verdict.experiments.sweep import processes


class SweepRunner:
    """Runs sweeps in a clone, and counts the trainings that they start."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        outside = clone.path.with_name(clone.path.name + "-outside")
        self._python = str(warm_interpreter(outside, at_start=HOOK))
        self.notes = outside / "notes"
        self.gate = outside / "notes.wait"
        self.variables = {"SWEEP_NOTES": str(self.notes)}
        self.output = outside / "output"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a sweep to its end."""
        return self.clone.try_run(self._python, "-I", "-m", "verdict", "sweep", "run", *arguments, **self.variables)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a sweep without waiting for it."""
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [self._python, "-I", "-m", "verdict", "sweep", "run", *arguments],
                cwd=self.clone.path,
                env={**environment(self.clone.path), **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Tests that run in the background may have inherited an ignored SIGINT.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    def counts(self, word: str) -> Counter[str]:
        """Number of trainings of each experiment that `began` or `ended`."""
        lines = self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []
        return Counter(line.split()[1] for line in lines if line.split()[0] == word)

    def seen(self, name: str) -> list[str]:
        """The checkpoint folder, token address and fetched weights that an experiment's training saw."""
        lines = self.notes.read_text(encoding="utf-8").splitlines()
        return next(line.split()[2:] for line in lines if line.startswith(f"saw {name} "))

    def experiments(self) -> set[str]:
        """The names of the experiments in the repository."""
        return {line.rpartition("/")[2] for line in self.clone.run("git", "for-each-ref", "refs/exps").splitlines()}

    def processes(self) -> list[psutil.Process]:
        """The processes of the clone's workers."""
        return [process for folder in self.folders() for process in processes.processes_of(folder)]

    def folders(self) -> list[Path]:
        """The workers' folders."""
        work = self.clone.path / ".dvc/tmp/sweeps/workers"
        return list(work.iterdir()) if work.exists() else []

    def kill(self, sweep: "subprocess.Popen[bytes]", workers: bool) -> None:
        """Kill -9 a sweep, and with `workers` all processes that it started."""
        sweep.send_signal(signal.SIGKILL)
        sweep.wait(timeout=TIMEOUT)
        for process in self.processes() if workers else []:
            with suppress(ProcessLookupError):  # it may have ended, as its parent did
                os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not workers or not self.processes())
