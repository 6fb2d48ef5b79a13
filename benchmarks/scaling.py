"""Time and peak memory of each stage with 1 × and 10 × the rows.

    python -m benchmarks.scaling [--times 10]

The further rows are made of the real ones: the beginning of one sentence and the end of another of its domain, so that
vocabulary and lengths grow as they would with more data of the kind.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from verdict.classifier.dataset.vader import FILES

from benchmarks.workspace import Measure, copy_repository, run
from verdict.base.errors import exit_code

STAGES = ("prepare", "validate", "featurize", "train", "evaluate")


def multiply(folder: Path, times: int) -> int:
    """Rewrite the raw files with `times` as many rows; returns how many that are."""
    generator = random.Random(0)
    total = 0
    for stem in FILES.values():
        paths = [folder / f"{stem}_{kind}.txt" for kind in ("GroundTruth", "anonDataRatings")]
        truth, ratings = (path.read_text(encoding="utf-8-sig").splitlines() for path in paths)
        by_key = {line.split("\t")[0]: line.split("\t", 1)[1] for line in ratings}
        texts = [line.split("\t")[2] for line in truth]
        for copy in range(1, times):
            for line in truth[: len(texts)]:
                key, mean, text = line.split("\t")
                document, _, place = key.partition("_")
                new_key = f"{copy}x{document}" + (f"_{place}" if place else "")
                head, tail = text.split(), generator.choice(texts).split()
                mixed = " ".join(head[: len(head) // 2 + 1] + tail[len(tail) // 2 :])
                truth.append(f"{new_key}\t{mean}\t{mixed}")
                ratings.append(f"{new_key}\t{by_key[key]}")
        for path, lines in zip(paths, (truth, ratings), strict=True):
            path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
        total += len(truth)
    return total


def measure(folder: Path, times: int) -> tuple[int, dict[str, Measure]]:
    """Rows, and the measures of each stage."""
    copy_repository(folder)
    rows = multiply(folder / "data/raw", times)
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
