"""Waiting time of a reviewer: gate and report on a changed model, and 2,000 resamples of every metric.

    python -m benchmarks.review [--runs N]

In a clone that shares this repository's cache, with another penalty. Goals: gate + report ≤ 5 s, resamples ≤ 2 s.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.workspace import ROOT, run
from verdict.base.errors import exit_code
from verdict.base.files import read_table
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.params.metric_names import metrics_of
from verdict.review.bootstrap import ResamplingSettings, paired_bootstrap

CHANGE = ("alpha: 0.00002", "alpha: 0.0001")


def changed_clone(folder: Path) -> None:
    """A clone of the last commit whose model was trained with another penalty."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    run(["dvc", "config", "--local", "cache.dir", str(ROOT / ".dvc" / "cache")], folder)
    run(["dvc", "checkout", "--quiet"], folder)
    params = folder / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace(*CHANGE), encoding="utf-8")
    run(["dvc", "repro", "--quiet"], folder)


def waited(folder: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of gate, report, and both in one process, `runs` times; code 1 of the gate, as here, is no failure."""
    gate = f"{sys.executable} -I -m verdict gate --base HEAD"
    commands = {
        "gate": ["sh", "-c", f"{gate}; test $? -le 1"],
        "report": [sys.executable, "-I", "-m", "verdict", "report", "--base", "HEAD"],
        "gate --report": ["sh", "-c", f"{gate} --report report; test $? -le 1"],
    }
    return {name: [run(command, folder).seconds for _ in range(runs)] for name, command in commands.items()}


def main() -> None:
    """Print medians and ranges."""
    parser = argparse.ArgumentParser(description="How long a reviewer waits.")
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        changed_clone(folder)
        times_by_command = waited(folder, runs + 1)
    for name, times in times_by_command.items():
        warm = times[1:]  # the first fills the file system's cache
        goal = " (goal ≤ 5)" if "--" in name else ""
        print(f"{name}: {statistics.median(warm):.1f} s{goal}; {min(warm):.1f} to {max(warm):.1f}")
    table = read_table(ROOT / "data/predictions/test.parquet", "dvc repro")
    dataset = read_dataset(ROOT / "data/prepared/dataset.json")
    metrics = metrics_of(len(dataset.labels), dataset.rating is not None)
    for resamples in (2_000, 10_000):
        begin = time.perf_counter()
        paired_bootstrap(table, table, dataset.labels, ResamplingSettings(15, resamples, 1, lambda _: metrics))
        seconds = time.perf_counter() - begin
        print(f"{resamples:,} resamples of every metric and slice: {seconds:.2f} s (goal ≤ 2 for 2,000)")


if __name__ == "__main__":
    sys.exit(exit_code(main))
