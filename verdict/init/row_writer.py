"""Rows written as those of a table are: with its columns, in its format, behind its rows or in a file of their own."""

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
    """Write rows into `target` as the file `model` has its own; with `keep` behind those.

    Raises:
        VerdictError: a column of a parquet file cannot hold a value.
    """
    if format_of(model) == "parquet":
        _parquet(model, rows, target, keep)
        return
    packed, kind = model.suffix.lower() == ".gz", format_of(model)
    with _opened(model, packed) as source, target.open("wb") as file, _packing(file, packed) as stream:
        first = source.readline()
        if keep or kind in DELIMITERS:
            stream.write(first)
        last = first
        while keep and (piece := source.read(1 << 20)):
            stream.write(piece)
            last = piece
        stream.write(b"" if last.endswith(b"\n") else b"\n")
        stream.write(_lines(first.decode("utf-8-sig"), kind, rows).encode())


def _opened(path: Path, packed: bool) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _packing(file: IO[bytes], packed: bool) -> AbstractContextManager[IO[bytes]]:
    """What packs into a file, without the time and the name, which would enter the hash; or the file itself."""
    return cast("IO[bytes]", gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if packed else nullcontext(file)


def _lines(first: str, kind: str, rows: Sequence[Cells]) -> str:
    if kind not in DELIMITERS:
        return "".join(f"{json.dumps({k: v for k, v in row.items() if v}, ensure_ascii=False)}\n" for row in rows)
    written = io.StringIO()
    # A carriage return ends a row, unless its cell is quoted, which csv does for a line feed alone.
    torn = any("\r" in cell for row in rows for cell in row.values())
    style = "unix" if torn else "excel"  # which quotes all, or what must be
    writer = csv.writer(written, style, delimiter=delimiter_of(first, kind), lineterminator="\n")
    writer.writerows(row.values() for row in rows)
    return written.getvalue()


def _parquet(model: Path, rows: Sequence[Cells], target: Path, keep: bool) -> None:
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
