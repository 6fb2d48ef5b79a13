"""The report on the prepared tables: violations in words and as a file, or a summary of valid tables."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from verdict.base.files import replacing
from verdict.classifier.dataset.description import Dataset

Tables = dict[str, pd.DataFrame]
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: in which table (or between which), what it says, and the ids of the rows that break it."""

    table: str
    rule: str
    ids: tuple[str, ...] = ()


def listing(broken: Sequence[Violation]) -> str:
    """List each violation on a line, with only the first ids of its rows, of which there may be thousands."""
    lines = [f"{len(broken)} violations"]
    for violation in broken:
        ids = ", ".join(violation.ids[:SHOWN])
        more = f" and {len(violation.ids) - SHOWN} more" if len(violation.ids) > SHOWN else ""
        rows = f" ({len(violation.ids)} rows: {ids}{more})" if ids else ""
        lines.append(f"  {violation.table}: {violation.rule}{rows}")
    return "\n".join(lines)


def write_details(path: Path, broken: Sequence[Violation]) -> None:
    """Write all ids of all violations as CSV."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "rule", "id"])
        writer.writerows([v.table, v.rule, row_id] for v in broken for row_id in v.ids or ("",))


def drift(tables: Tables, column: str) -> dict[str, dict[str, float]]:
    """Return by split and value of `column` the distance of the value's share in the split from that in all rows."""
    counts = pd.DataFrame({name: table[column].value_counts() for name, table in tables.items()}).fillna(0)
    whole = counts.sum(axis=1) / counts.to_numpy().sum()
    shares = counts / counts.sum()
    return {
        name: {
            str(value): float(abs(shares.at[value, name] - whole.at[value])) for value in sorted(whole.index, key=str)
        }
        for name in tables
    }


def summary(tables: Tables, dataset: Dataset) -> dict[str, object]:
    """Sum up labels, slices, and for each split its rows, groups, class counts (by slice) and largest drifts."""
    drifts = {column: drift(tables, column) for column in ("label", *(["slice"] if dataset.slice else []))}
    return {
        "violations": 0,
        "labels": list(dataset.labels),
        "slices": list(dataset.slices),
        "splits": {
            name: {
                "rows": len(table),
                "groups": int(table["group"].nunique()),
                "max_class_drift": round(max(drifts["label"][name].values()), 6),
                **({"max_slice_drift": round(max(drifts["slice"][name].values()), 6)} if dataset.slice else {}),
                "classes": _classes(table, dataset),
            }
            for name, table in tables.items()
        },
    }


def _classes(table: pd.DataFrame, dataset: Dataset) -> dict[str, object]:
    if not dataset.slice:
        return dict(_counts(table["label"], dataset.labels))
    return {name: _counts(table["label"][table["slice"] == name], dataset.labels) for name in dataset.slices}


def _counts(column: pd.Series, values: Sequence[str]) -> dict[str, int]:
    counts = column.value_counts()
    return {value: int(counts.get(value, 0)) for value in values}
