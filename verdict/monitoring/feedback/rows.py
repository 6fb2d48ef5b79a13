"""Texts of users who consented, as a table for `verdict data add`: in the columns that params.yaml names."""

import csv
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from verdict.base.documents import read
from verdict.base.files import replacing


class Columns(NamedTuple):
    """The names of the columns; `id` is empty if the data has none."""

    text: tuple[str, ...]
    label: str
    id: tuple[str, ...]


def columns(params: Path) -> Columns:
    """The columns that the group `data` of a params.yaml names."""
    data = (read(params, f"git diff {params}") if params.is_file() else {}).get("data", {})
    text = data.get("text", "text")
    id_ = (data["id"],) if data.get("id") else ()
    return Columns((text,) if isinstance(text, str) else tuple(text), data.get("label") or "label", id_)


def write(out: Path, names: Columns, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write a csv that only this user may read."""
    with replacing(out) as partial:
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="") as file:
            # A carriage return would end a row that is not quoted. NUL is replaced: readers of tables refuse it.
            table = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
            table.writerow([*names.id, *names.text, names.label, "received", "release"])
            for name, row in rows:
                text = row["text"] if isinstance(row["text"], dict) else {names.text[0]: row["text"]}
                cells = [text.get(column, "").replace("\0", " ") for column in names.text]
                # The hash keeps ids apart if another text is sent with the same receipt later.
                id_ = f"{name}-{sha256(chr(0).join(cells).encode()).hexdigest()[:8]}"
                table.writerow([*[id_][: len(names.id)], *cells, row["label"], row["received"], row["release"]])
