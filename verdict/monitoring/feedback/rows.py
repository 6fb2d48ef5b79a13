"""The rows of those who consented as a table, in the columns that params.yaml names: what `verdict data add` takes."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from verdict.base.documents import read
from verdict.base.files import replacing


class Columns(NamedTuple):
    """How columns are called where the rows go; an id only where there is one."""

    text: tuple[str, ...]
    label: str
    id: tuple[str, ...]


def columns(params: Path) -> Columns:
    """The columns that the group `data` of a params.yaml names."""
    data = (read(params, f"git diff {params}") if params.is_file() else {}).get("data", {})
    text = data.get("text", "text")
    own = (data["id"],) if data.get("id") else ()
    return Columns((text,) if isinstance(text, str) else tuple(text), data.get("label") or "label", own)


def write(out: Path, names: Columns, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write a csv that nobody else may read."""
    with replacing(out) as partial:
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([*names.id, *names.text, names.label, "received", "release"])
            for name, row in rows:
                text = row["text"] if isinstance(row["text"], dict) else {names.text[0]: row["text"]}
                cells = [text.get(column, "") for column in names.text]
                table.writerow([*[name][: len(names.id)], *cells, row["label"], row["received"], row["release"]])
