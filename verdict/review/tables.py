"""Untrusted Parquet tables, measured before they are read.

A few kilobytes can encode any number of rows, and a dictionary of one long text gigabytes of it. So rows are counted by
the file's metadata and as they are read, and texts while they are still indices into a dictionary.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.errors import VerdictError
from verdict.base.files import read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Ten million rows of 100 characters are read, and a million rows with the probabilities of a hundred classes.
MOST_ROWS, MOST_BYTES = 20_000_000, 2_000_000_000
_MOST_COLUMNS = 1_100  # a thousand classes, and the truth columns
_BATCH = 10_000  # rows
_REMEDY = "is it the table of this pipeline? dvc repro"


def bounded_table(path: Path, remedy: str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a table by `read_table`, after `require_bounded_table`."""
    require_bounded_table(path)
    return read_table(path, remedy, columns)


def require_bounded_table(path: Path) -> None:
    """Refuse a table that needs more memory than any of this pipeline; a file that is no table, `read_table` refuses.

    Raises:
        VerdictError: too many rows or columns, too many bytes, or columns of lists or of large texts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        texts = [name for name, kind in zip(schema.names, schema.types, strict=True) if _is_text(kind)]
        plain = [kind for kind in schema.types if pa.types.is_primitive(kind) or pa.types.is_null(kind)]
        if len(texts) + len(plain) < len(schema) or len(schema) > _MOST_COLUMNS:
            what = f"{len(schema)} columns, or others in them than numbers and texts ({schema.types})"
            raise VerdictError(str(path), what[:300], "write texts as string, without large_, and no lists")
        with pq.ParquetFile(path, read_dictionary=texts) as opened:
            _require(path, opened.metadata.num_rows, 0)
            rows = size = 0
            for batch in opened.iter_batches(_BATCH):
                rows += len(batch)
                size += sum(map(_size, batch.columns))
                _require(path, rows, size)
    except (pa.ArrowException, OSError):
        return


def columns_in(path: Path) -> list[str]:
    """The names of a table's columns; empty where it is no Parquet, which `read_table` refuses."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [str(name) for name in pq.read_schema(path).names]
    except (pa.ArrowException, OSError):
        return []


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _size(values: "pa.Array") -> int:
    """The bytes of a column's values without dictionary encoding."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(values.type):
        return int(values.nbytes)
    lengths = pc.binary_length(values.dictionary).take(values.indices)
    return int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)


def _require(path: Path, rows: int, size: int) -> None:
    if rows > MOST_ROWS:
        raise VerdictError(str(path), f"{rows:,} rows; at most {MOST_ROWS:,} are read", _REMEDY)
    if size > MOST_BYTES:
        raise VerdictError(str(path), f"more than {MOST_BYTES / 1e6:,.0f} MB once it is read", _REMEDY)
