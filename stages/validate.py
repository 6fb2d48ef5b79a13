"""validate: the prepared tables keep their contracts, or the DAG stops here with every violation listed.

data/prepared -> metrics/data.json
"""

import sys
from pathlib import Path

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json, read_table, write_json
from verdict.classifier import params
from verdict.classifier.dataset.contracts import violations
from verdict.classifier.dataset.quality import listing, summary, write_details
from verdict.classifier.dataset.splits import SPLITS

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
DETAILS = Path("data/violations.csv")


def main() -> None:
    """Check, then sum up what the tables hold."""
    settings = params.load()
    tables = {name: read_table(PREPARED / f"{name}.parquet", "dvc repro prepare") for name in SPLITS}
    DETAILS.unlink(missing_ok=True)
    if broken := violations(tables, settings):
        write_details(DETAILS, broken)
        raise VerdictError(str(PREPARED), listing(broken), f"correct the data or the limits; all ids: {DETAILS}")
    prepared = read_json(PREPARED / "dropped.json", "dvc repro prepare")
    write_json(REPORT, {**summary(tables), "raw": prepared})
    print(f"validate: {sum(map(len, tables.values()))} rows keep the contracts")


if __name__ == "__main__":
    sys.exit(exit_code(main))
