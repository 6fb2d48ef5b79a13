"""What the validation of the prepared tables says: violations in words and as a file, or a summary of valid tables."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from verdict.base.files import replacing
from verdict.classifier.dataset.contracts import Tables, Violation, drift
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.dataset.vader import DOMAINS

SHOWN = 20


def listing(broken: Sequence[Violation]) -> str:
    """Each violation in a line, with the first ids of its rows: a message with 16,000 of them could not be read."""
    lines = [f"{len(broken)} violations"]
    for violation in broken:
        ids = ", ".join(violation.ids[:SHOWN])
        more = f" and {len(violation.ids) - SHOWN} more" if len(violation.ids) > SHOWN else ""
        rows = f" ({len(violation.ids)} rows: {ids}{more})" if ids else ""
        lines.append(f"  {violation.table}: {violation.rule}{rows}")
    return "\n".join(lines)


def write_details(path: Path, broken: Sequence[Violation]) -> None:
    """All ids of all violations, as CSV."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "rule", "id"])
        writer.writerows([v.table, v.rule, row_id] for v in broken for row_id in v.ids or ("",))


def summary(tables: Tables) -> dict[str, object]:
    """Rows, documents, class counts by domain, and the largest drift of a share, for each split."""
    drifts = {column: drift(tables, column) for column in ("domain", "label")}
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
