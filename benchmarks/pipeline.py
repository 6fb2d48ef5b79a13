"""The overhead of DVC: cold and no-op `dvc repro`, as ratios that hold on any machine.

    python -m benchmarks.pipeline [--runs N]

Cold: `dvc repro`, and `verdict repro`, which also keeps the stages apart, from nothing ÷ the same six stages in one
Python process. No-op: `dvc repro` with nothing to do ÷ the same in an empty DAG of six stages. Those of a round run by
turns, and the median of the rounds' ratios counts.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.workspace import Measure, copy_repository, run
from verdict.base.errors import exit_code

ONE_PROCESS = """
from stages import prepare, validate, featurize, train, evaluate, reference
for stage in (prepare, validate, featurize, train, evaluate, reference):
    stage.main()
"""
EMPTY_STAGE = """  stage{n}:
    cmd: touch out{n}
    deps: [out{before}]
    outs: [out{n}]
"""
COLD = {
    "dvc": ["dvc", "repro"],
    "review": [sys.executable, "-I", "-m", "verdict", "repro"],
    "process": [sys.executable, "-c", ONE_PROCESS],
}


def cold(folder: Path) -> dict[str, Measure]:
    """Each of `COLD` in a fresh copy."""
    for name in COLD:
        copy_repository(folder / name)
    return {name: run(command, folder / name) for name, command in COLD.items()}


def empty_dag(folder: Path) -> None:
    """Six stages that do nothing, reproduced once."""
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    run(["dvc", "init", "--quiet"], folder)
    (folder / "out0").touch()
    stages = "".join(EMPTY_STAGE.format(n=n, before=n - 1) for n in range(1, 7))
    (folder / "dvc.yaml").write_text("stages:\n" + stages, encoding="utf-8")
    run(["dvc", "repro"], folder)


def report(name: str, pairs: list[tuple[Measure, Measure]], goal: float) -> None:
    """One line: both medians, and the median of the ratios with its range."""
    ratios = [ours.seconds / other.seconds for ours, other in pairs]
    medians = [statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1)]
    print(
        f"{name}: {medians[0]:.2f} s ÷ {medians[1]:.2f} s = {statistics.median(ratios):.2f}"
        f" (goal ≤ {goal}; {min(ratios):.2f} to {max(ratios):.2f} in {len(pairs)} pairs)"
    )


def main() -> None:
    """Print the three ratios."""
    parser = argparse.ArgumentParser(description="What DVC adds to the stages.")
    parser.add_argument("--runs", type=int, default=3)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rounds = [cold(folder / str(n)) for n in range(runs)]
        report("cold dvc repro ÷ one process", [(times["dvc"], times["process"]) for times in rounds], 1.2)
        report("cold verdict repro ÷ one process", [(times["review"], times["process"]) for times in rounds], 1.1)
        ours = folder / "0" / "dvc"
        empty_dag(folder / "empty")
        again = [(run(["dvc", "repro"], ours), run(["dvc", "repro"], folder / "empty")) for _ in range(runs + 2)]
        report("no-op dvc repro ÷ empty DAG", again, 1.3)


if __name__ == "__main__":
    sys.exit(exit_code(main))
