"""validate: the prepared tables keep their contracts, or the DAG stops here with every violation listed.

data/prepared -> metrics/data.json
"""

import csv
import sys
from pathlib import Path

import pandas as pd

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json, read_table, replacing, write_json
from verdict.classifier import params
from verdict.classifier.dataset import contracts
from verdict.classifier.dataset.splits import LABELS, SPLITS
from verdict.classifier.dataset.vader import DOMAINS

PREPARED = Path("data/prepared")
REPORT = Path("metrics/data.json")
# All ids of all violations; a message that listed 16,000 of them could not be read.
DETAILS = Path("data/violations.csv")
SHOWN = 20


def main() -> None:
    """Check, then sum up what the tables hold."""
    settings = params.load()
    tables = {name: read_table(PREPARED / f"{name}.parquet", "dvc repro prepare") for name in SPLITS}
    DETAILS.unlink(missing_ok=True)
    if broken := contracts.violations(tables, settings):
        _write_details(broken)
        raise VerdictError(str(PREPARED), _listing(broken), f"correct the data or the limits; all ids: {DETAILS}")
    prepared = read_json(PREPARED / "dropped.json", "dvc repro prepare")
    write_json(REPORT, {**_summary(tables), "raw": prepared})
    print(f"validate: {sum(map(len, tables.values()))} rows keep the contracts")


def _listing(broken: list[contracts.Violation]) -> str:
    lines = [f"{len(broken)} violations"]
    for violation in broken:
        ids = ", ".join(violation.ids[:SHOWN])
        more = f" and {len(violation.ids) - SHOWN} more" if len(violation.ids) > SHOWN else ""
        rows = f" ({len(violation.ids)} rows: {ids}{more})" if ids else ""
        lines.append(f"  {violation.table}: {violation.rule}{rows}")
    return "\n".join(lines)


def _write_details(broken: list[contracts.Violation]) -> None:
    with replacing(DETAILS) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "rule", "id"])
        writer.writerows([v.table, v.rule, row_id] for v in broken for row_id in v.ids or ("",))


def _summary(tables: contracts.Tables) -> dict[str, object]:
    """Rows, documents, class counts by domain, and the largest drift of a share, for each split."""
    drifts = {column: contracts.drift(tables, column) for column in ("domain", "label")}
    return {
        "violations": 0,
        "splits": {
            name: {
                "rows": len(table),
                "documents": int(table["document"].nunique()),
                "max_domain_drift": round(max(drifts["domain"][name].values()), 6),
                "max_class_drift": round(max(drifts["label"][name].values()), 6),
                "classes": {domain: _classes(table, domain) for domain in DOMAINS},
            }
            for name, table in tables.items()
        },
    }


def _classes(table: pd.DataFrame, domain: str) -> dict[str, int]:
    counts = table.loc[table["domain"] == domain, "label"].value_counts()
    return {label: int(counts.get(label, 0)) for label in LABELS}


if __name__ == "__main__":
    sys.exit(exit_code(main))
