"""Lines a second, and memory, of `verdict predict`.

python -m benchmarks.prediction [--lines N]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.workspace import ROOT, run
from verdict.base.errors import exit_code
from verdict.base.files import read_table


def main() -> None:
    """Time 100,000 lines and as many as asked for."""
    parser = argparse.ArgumentParser(description="Lines a second of the command.")
    parser.add_argument("--lines", type=int, default=1_000_000)
    most: int = parser.parse_args().lines
    texts = read_table(ROOT / "data/prepared/train.parquet", "dvc repro prepare")["text"].tolist()
    with tempfile.TemporaryDirectory() as name:
        lines = Path(name) / "lines.txt"
        for count in sorted({min(100_000, most), most}):
            # A unique word in each line, so that not all words are in the cache.
            with lines.open("w", encoding="utf-8") as file:
                file.writelines(f"{texts[n % len(texts)]} no{n}\n" for n in range(count))
            command = f"{sys.executable} -I -m verdict predict < {lines} > {lines}.out"
            measured = run(["bash", "-c", command], ROOT)
            with Path(f"{lines}.out").open("rb") as file:
                answered = sum(1 for _ in file)
            print(
                f"{count:>9,} lines, {answered:,} answers: {measured.seconds:.1f} s,"
                f" {count / measured.seconds:,.0f} lines a second, {measured.gib:.2f} GiB in the largest process"
            )
    (ROOT / "benchmark.log").unlink()


if __name__ == "__main__":
    sys.exit(exit_code(main))
