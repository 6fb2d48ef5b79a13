"""Rows a second and peak memory of each stage with more and more rows of a made-up table, with hashed n-grams.

    python -m benchmarks.scaling [--rows 100000 1000000] [--method hashing] [--classes 3] [--folder DIR]

Words follow Zipf's law, as those of a language do, and a row's class follows from its words and chance. Seconds are
those of a processor, which other work on the machine does not make longer.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.workspace import Measure, copy_repository, run
from verdict.base.documents import dump, mapping
from verdict.base.errors import exit_code

STAGES = ("prepare", "validate", "featurize", "train", "evaluate", "reference")
_SYLLABLES = [first + second for first in "bdfghklmnprstvz" for second in "aeiou"]
_WORDS, _LENGTH, _PART = 200_000, 11, 50_000
TABLE = "data/raw/made-up.csv"


def write_table(path: Path, rows: int, classes: int) -> None:
    """Write so many rows of eleven words: id, text, label."""
    draw = np.random.default_rng(0)
    words = np.array(["".join(draw.choice(_SYLLABLES, draw.integers(1, 5))) for _ in range(_WORDS)], dtype=object)
    chances = np.cumsum(1 / np.arange(10, _WORDS + 10))
    meant = draw.normal(size=_WORDS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text,label\n")
        for start in range(0, rows, _PART):
            shape = (min(_PART, rows - start), _LENGTH)
            drawn = np.searchsorted(chances / chances[-1], draw.random(shape))
            score = meant[drawn].sum(axis=1) / _LENGTH**0.5 + 0.7 * draw.normal(size=shape[0])
            labels = np.digitize(score, np.linspace(-1, 1, classes + 1)[1:-1])
            lines = zip(words[drawn].tolist(), labels.tolist(), strict=True)
            file.writelines(f"{number},{' '.join(row)},c{label}\n" for number, (row, label) in enumerate(lines, start))


def set_params(path: Path, method: str) -> None:
    """Name the table in params.yaml, and how its text is read."""
    document = mapping(path.read_text(encoding="utf-8"), str(path), "git checkout params.yaml")
    document["data"] = {"path": TABLE, "text": "text", "label": "label", "id": "id"}
    document["validate"] = {}
    document["featurize"]["method"] = method
    document["train"].update(class_weight=None, rating_noise=None)
    path.write_text(dump(document), encoding="utf-8")


def measure(folder: Path, rows: int, method: str, classes: int) -> dict[str, Measure]:
    """Measure each stage, and print its line at once."""
    copy_repository(folder, with_raw=False)
    set_params(folder / "params.yaml", method)
    write_table(folder / TABLE, rows, classes)
    measures = {}
    for stage in STAGES:
        measures[stage] = used = run([sys.executable, "-m", f"stages.{stage}"], folder)
        line = (folder / "benchmark.log").read_text(encoding="utf-8").splitlines()[-1]
        print(
            f"{rows:>11,} {stage:<10} {used.cpu:9.1f} s {rows / used.cpu:10,.0f} rows/s {used.gib:6.2f} GiB   {line}",
            flush=True,
        )
    return measures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Rows a second and peak memory with more rows.")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--method", choices=("tfidf", "hashing"), default="hashing")
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep what is made here")
    options = parser.parse_args()
    totals = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = options.folder / str(rows) if options.folder else Path(name, "repository")
            measures = measure(folder, rows, options.method, options.classes)
        peak = max(used.gib for used in measures.values())
        totals.append(rows / sum(used.cpu for used in measures.values()))
        print(f"{rows:>11,} rows: {totals[-1]:,.0f} rows/s in all, peak {peak:.2f} GiB (goal: 2)")
    print(f"rows/s, most rows ÷ fewest: {totals[-1] / totals[0]:.2f} (goal: flat)")


if __name__ == "__main__":
    sys.exit(exit_code(main))
