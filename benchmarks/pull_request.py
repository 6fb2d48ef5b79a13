"""Time of a pull request: one that changes nothing, and one that trains, with a cold and with a warm cache.

    python -m benchmarks.pull_request [--runs N]

The first executes experiment.yml and report.yml with act, against the tests' GitHub; a set-up that finds all libraries
there is part of it, a machine that has to be started is not. Goals: ≤ 60 s in all, ≤ 20 s in our own commands. The
second runs `verdict ci reproduce` on the real data. Goal: warm ≤ a tenth of cold.
"""

import argparse
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.review import CHANGE
from benchmarks.workspace import ROOT, copy_raw, run
from tests.dvc.pipeline.clone import Clone
from tests.workflows.github import GitHub
from tests.workflows.github_project import GitHubProject
from tests.workflows.origin import make_origin
from tests.workflows.outcome import Outcome
from tests.workflows.pull_requests import documentation
from verdict.base.errors import VerdictError, exit_code

_STEP = re.compile(r"Success - Main (.+?) \[(?:(\d+)m)?([\d.]+)(ms|s|µs)\]")
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
# Steps that run a command of this repository; the others are checkout, set-up, caches and artifacts.
_OURS = ("Is the lock consistent, and must anything run?", "First look", "Pictures and check", "Comment")


def cloned(folder: Path) -> Clone:
    """A clone of the last commit, with nothing in its cache."""
    run(["git", "clone", "--quiet", str(ROOT), str(folder)], ROOT)
    return Clone(folder)


def nothing(place: Path) -> tuple[float, float]:
    """Seconds of both workflows for a change of documentation, and of our own steps in them."""
    origin = make_origin(place / "hub", cloned(place / "author").path)
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        project = GitHubProject(origin, github, Clone(place / "author"))
        project.propose(documentation)
        ran = project.experiment()
        judged = project.report(ran)
        if [conclusion for conclusion, _ in project.checks()] != ["success"]:
            raise VerdictError("the check", judged.log[-2000:], "make workflows")
    return ran.seconds + judged.seconds, ours(ran) + ours(judged)


def ours(outcome: Outcome) -> float:
    """Seconds of the steps that run a command of this repository."""
    return sum(
        60 * float(minutes or 0) + float(value) * _SECONDS[unit]
        for name, minutes, value, unit in _STEP.findall(outcome.log)
        if name in _OURS
    )


def trained(place: Path) -> tuple[float, float]:
    """Seconds of the run of a change of the penalty: with the raw data alone in the cache, and once more with all."""
    clone = cloned(place)
    raw = copy_raw(place)
    clone.run("dvc", "commit", "--quiet", "--force", f"{raw}.dvc")
    params = place / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace(*CHANGE), encoding="utf-8")
    clone.run("git", "commit", "--quiet", "--all", "--message", "Another penalty")
    seconds = []
    for _ in range(2):
        seconds.append(
            run([sys.executable, "-I", "-m", "verdict", "ci", "reproduce", "--base", "HEAD^"], place).seconds
        )
        clone.run("git", "checkout", "--quiet", ".")
        for path in ("data/prepared", "data/features", "data/predictions", "models/classifier", "bundle"):
            shutil.rmtree(place / path)
        (place / raw).unlink()
    return seconds[0], seconds[1]


def main() -> None:
    """Print medians and ranges."""
    parser = argparse.ArgumentParser(description="What a pull request costs.")
    parser.add_argument("--runs", type=int, default=3)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        times = [(*nothing(Path(name) / f"n{n}"), *trained(Path(name) / f"t{n}")) for n in range(runs)]
    names = ("changes nothing, both workflows", "  of it our commands", "trains, cold cache", "trains, warm cache")
    for label, column in zip(names, zip(*times, strict=True), strict=True):
        print(f"{label:32} {statistics.median(column):6.1f} s ({min(column):.1f} to {max(column):.1f})")
    print(f"warm / cold {statistics.median(warm / cold for _, _, cold, warm in times):.3f}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
