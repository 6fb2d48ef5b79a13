"""Files written whole or not at all, and in the same bytes every time.

pandas and pyarrow are imported only where a table is read or written: some jobs are installed without them.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Row = Mapping[str, str | int | float]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary neighbour of `path` that takes its place once the block has ended without an error.

    The neighbour's name is always the same, so that the next run overwrites that of a killed one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; its line ends stay what they are."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys; NaN and Infinity, which are not JSON, raise `ValueError`."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write plot data: a JSON list with one row a line, so that git shows which points moved."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")


def read_json(path: Path, remedy: str) -> Any:  # noqa: ANN401 - its callers check what they got
    """Read a JSON file; `VerdictError` with `remedy` when it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise VerdictError(str(path), f"not readable as JSON: {error}", remedy) from None


def write_table(path: Path, table: "pa.Table | pd.DataFrame", schema: "pa.Schema") -> None:
    """Write a parquet file without pandas' metadata, whose version numbers would enter the hash."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    with replacing(path) as partial:
        pq.write_table(arrow.select(schema.names).cast(schema).replace_schema_metadata(None), partial)


def read_table(path: Path, remedy: str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a parquet file for pandas, as `read_arrow` does."""
    table: pd.DataFrame = read_arrow(path, remedy, columns).to_pandas()
    return table


def read_table_parts(path: Path, remedy: str, rows: int = 100_000) -> "Iterator[pd.DataFrame]":
    """Yield the rows of a parquet file for pandas in parts, numbered through, as `read_arrow_parts` does."""
    start = 0
    for part in read_arrow_parts(path, remedy, rows=rows):
        table: pd.DataFrame = part.to_pandas()
        yield table.set_axis(range(start, start + len(table)))
        start += len(table)


def read_arrow_parts(
    path: Path, remedy: str, columns: list[str] | None = None, rows: int = 100_000
) -> "Iterator[pa.Table]":
    """Yield the rows of a parquet file in parts, of an empty one a part without rows; raises as `read_arrow` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            parts = (pa.Table.from_batches([part]) for part in file.iter_batches(rows, columns=columns))
            for part in parts if file.metadata.num_rows else [file.read(columns=columns)]:
                yield complete_columns(part, columns, path, remedy) if columns else part
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (pa.ArrowException, OSError) as error:
        raise VerdictError(str(path), f"not readable as parquet: {error}", remedy) from None


def write_parts(path: Path, schema: "pa.Schema", parts: "Iterable[pa.Table]") -> None:
    """Write a parquet file part by part, as `write_table` does."""
    import pyarrow.parquet as pq

    with replacing(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for part in parts:
            writer.write_table(part.select(schema.names).cast(schema).replace_schema_metadata(None))


def read_arrow(path: Path, remedy: str, columns: list[str] | None = None) -> "pa.Table":
    """Read a parquet file.

    Raises:
        VerdictError: with `remedy`, when the file is missing or damaged, lacks one of `columns`, or one has a gap.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (pa.ArrowException, OSError) as error:
        raise VerdictError(str(path), f"not readable as parquet: {error}", remedy) from None
    return complete_columns(arrow, columns, path, remedy) if columns else arrow


def complete_columns(table: "pa.Table", columns: list[str], path: Path, remedy: str) -> "pa.Table":
    """Select columns of a table; `VerdictError` with `remedy` when one is missing, or has a gap."""
    if absent := [name for name in columns if name not in table.column_names]:
        raise VerdictError(str(path), f"missing columns: {', '.join(absent)}", remedy)
    if gaps := [name for name in columns if table[name].null_count]:
        raise VerdictError(str(path), f"rows without a value in: {', '.join(gaps)}", remedy)
    return table.select(columns)


def is_sha256(value: object) -> bool:
    """True if a value read from JSON is a SHA-256."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
