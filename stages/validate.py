"""validate: check the contracts of the prepared tables, or stop the DAG with every violation listed.

data/prepared -> metrics/data.json
"""

import sys
from pathlib import Path

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json, read_table_parts, write_json
from verdict.classifier import params
from verdict.classifier.dataset.contracts import Contracts
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.dataset.quality import listing, summary, write_details
from verdict.classifier.dataset.splits import SPLITS

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
DETAILS = Path("data/violations.csv")
_REMEDY = "dvc repro prepare"


def main() -> None:
    """Check the tables, then write a summary of them."""
    settings = params.load()
    dataset = read_dataset(PREPARED / "dataset.json", _REMEDY)
    DETAILS.unlink(missing_ok=True)
    contracts = Contracts(settings, dataset)
    for name in SPLITS:
        for part in read_table_parts(PREPARED / f"{name}.parquet", _REMEDY):
            contracts.add(name, part)
    if broken := contracts.violations():
        write_details(DETAILS, broken)
        raise VerdictError(str(PREPARED), listing(broken), f"correct the data or the limits; all ids: {DETAILS}")
    prepared, tables = read_json(PREPARED / "dropped.json", _REMEDY), contracts.tables()
    write_json(REPORT, {**summary(tables, dataset), "raw": prepared})
    print(f"validate: {sum(map(len, tables.values()))} rows keep the contracts")


if __name__ == "__main__":
    sys.exit(exit_code(main))
