"""Write rows in the format of a table, with its columns, after its rows or into a separate file."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.delimiters import DELIMITERS, delimiter_of
from verdict.classifier.dataset.table import format_of

Cells = Mapping[str, str]


def write_like(model: Path, rows: Sequence[Cells], target: Path, keep: bool) -> None:
    """Write rows into `target` in the format of the file `model`; with `keep`, after the rows of `model`.

    Raises:
        VerdictError: a column of a parquet file cannot hold a value.
    """
    if format_of(model) == "parquet":
        _write_parquet(model, rows, target, keep)
        return
    is_gzip, kind = model.suffix.lower() == ".gz", format_of(model)
    with _open(model, is_gzip) as source, target.open("wb") as file, _compressing(file, is_gzip) as stream:
        header = source.readline()
        if keep or kind in DELIMITERS:
            stream.write(header)
        last = header
        while keep and (chunk := source.read(1 << 20)):
            stream.write(chunk)
            last = chunk
        stream.write(b"" if last.endswith(b"\n") else b"\n")
        stream.write(_lines(header.decode("utf-8-sig"), kind, rows).encode())


def _open(path: Path, is_gzip: bool) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", gzip.open(path)) if is_gzip else path.open("rb")


def _compressing(file: IO[bytes], is_gzip: bool) -> AbstractContextManager[IO[bytes]]:
    """Return a gzip stream into a file, without time and name, which would change the hash; or the file itself."""
    return cast("IO[bytes]", gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if is_gzip else nullcontext(file)


def _lines(header: str, kind: str, rows: Sequence[Cells]) -> str:
    if kind not in DELIMITERS:
        filled = ({name: cell for name, cell in row.items() if cell} for row in rows)
        return "".join(f"{json.dumps(cells, ensure_ascii=False)}\n" for cells in filled)
    stream = io.StringIO()
    # A carriage return must be quoted, or it ends the row; csv quotes cells with a line feed alone.
    has_return = any("\r" in cell for row in rows for cell in row.values())
    style = "unix" if has_return else "excel"  # unix quotes all cells, excel only those that need it
    writer = csv.writer(stream, style, delimiter=delimiter_of(header, kind), lineterminator="\n")
    writer.writerows(row.values() for row in rows)
    return stream.getvalue()


def _write_parquet(model: Path, rows: Sequence[Cells], target: Path, keep: bool) -> None:
    old = pq.read_table(model)
    try:
        columns = {
            field.name: pa.array([row[field.name] or None for row in rows], pa.string()).cast(field.type)
            for field in old.schema
        }
    except pa.ArrowException as error:
        raise VerdictError(str(model), f"cannot hold these rows: {error}", "rows with its types, or csv") from None
    new = pa.table(columns, schema=old.schema)
    pq.write_table(pa.concat_tables([old, new]) if keep else new, target)
