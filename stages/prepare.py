"""prepare: turn the rows of a table into labelled texts in three splits, and count the rows left out by reason.

data.path -> data/prepared/{train,validation,test}.parquet, dataset.json, dropped.json
"""

import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import read_json
from verdict.classifier import params
from verdict.classifier.dataset.preparation import prepare

PREPARED = Path("data/prepared")
DETAILS = Path("data/violations.csv")


def main() -> None:
    """Read the table that params.yaml names, and write the prepared ones."""
    settings = params.load()
    DETAILS.unlink(missing_ok=True)
    counts = prepare(settings.data, settings.split, PREPARED, DETAILS)
    report = read_json(PREPARED / "dropped.json", "dvc repro prepare")
    dropped = sum(sum(reasons.values()) for reasons in report["dropped"].values())
    splits = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"prepare: {sum(counts.values())} rows kept, {dropped} dropped; {splits}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
