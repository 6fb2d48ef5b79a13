"""Time and peak memory of each stage with 1 × and 10 × the rows.

    python -m benchmarks.scaling [--times 10]

The further rows are made of the real ones: the beginning of one text and the end of another of its slice, so that
vocabulary and lengths grow as they would with more data of the kind. The table must be a CSV file.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.workspace import Measure, copy_repository, run
from verdict.base.errors import VerdictError, exit_code
from verdict.classifier import params

STAGES = ("prepare", "validate", "featurize", "train", "evaluate")


def multiply(folder: Path, times: int) -> int:
    """Rewrite the table with `times` as many rows; returns how many that are."""
    data = params.load(folder / params.PATH).data
    path = folder / data.path
    if path.suffix != ".csv":
        raise VerdictError(data.path, "no CSV file", "python -m benchmarks.scaling, on the example")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    generator = random.Random(0)
    own = [name for name in (data.id, data.group) if name]
    parts = [table]
    for copy in range(1, times):
        # A row without a group is its own.
        more = table.assign(**{name: table[name].where(table[name] == "", f"{copy}x" + table[name]) for name in own})
        for _, rows in more.groupby(list(data.slice)) if data.slice else [("", more)]:
            for name in data.text:
                texts = rows[name].tolist()
                more.loc[rows.index, name] = [_mixed(text, generator.choice(texts)) for text in texts]
        parts.append(more)
    whole = pd.concat(parts, ignore_index=True)
    whole.to_csv(path, index=False)
    return len(whole)


def _mixed(first: str, second: str) -> str:
    head, tail = first.split(), second.split()
    return " ".join(head[: len(head) // 2 + 1] + tail[len(tail) // 2 :])


def measure(folder: Path, times: int) -> tuple[int, dict[str, Measure]]:
    """Rows, and the measures of each stage."""
    copy_repository(folder)
    rows = multiply(folder, times)
    return rows, {stage: run([sys.executable, "-I", "-m", f"stages.{stage}"], folder) for stage in STAGES}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time and memory with more rows.")
    parser.add_argument("--times", type=int, default=10)
    times: int = parser.parse_args().times
    with tempfile.TemporaryDirectory() as name:
        few, once = measure(Path(name) / "1", 1)
        many, more = measure(Path(name) / "2", times)
    print(f"{'stage':<10} {few:>9,} rows {'':>8} {many:>9,} rows {'':>8}  µs a row, 1 × and {times} ×")
    for stage in STAGES:
        a, b = once[stage], more[stage]
        print(
            f"{stage:<10} {a.seconds:8.1f} s {a.gib:8.2f} GiB {b.seconds:8.1f} s {b.gib:8.2f} GiB"
            f"  {a.seconds / few * 1e6:8.0f} {b.seconds / many * 1e6:8.0f}"
        )
    totals = [sum(m.seconds for m in measures.values()) for measures in (once, more)]
    ratio = (totals[1] / many) / (totals[0] / few)
    peak = max(m.gib for m in more.values())
    print(f"time per row, {times} × ÷ 1 ×: {ratio:.2f} (goal: flat); peak at {times} ×: {peak:.2f} GiB (goal ≤ 4)")


if __name__ == "__main__":
    sys.exit(exit_code(main))
