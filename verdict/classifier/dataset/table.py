"""A table, however long: csv, tsv, jsonl (also .gz) or parquet, one file or a folder of them; read in batches.

A cell is text: a missing one is empty, a number is written as short as it can be, so that 1 and 1.0 are the same.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from verdict.classifier.dataset.formats import FORMATS, Batch, ColumnRequest, UnreadableError, read
from verdict.classifier.dataset.problems import Problems


def table_files(path: Path, problems: Problems) -> list[Path]:
    """List the files of a table: itself, or those of a folder by name, all of one format."""
    if not path.exists():
        problems.add("data.path", f"no such file or folder: {path}; dvc pull, or put the table there")
        return []
    # The files of git and DVC beside data are not data.
    paths = [path]
    if path.is_dir():
        paths = sorted(file for file in path.iterdir() if file.name[0] != "." and file.suffix != ".dvc")
    unreadable = [file.name for file in paths if format_of(file) not in FORMATS or not file.is_file()]
    if unreadable or not paths:
        what = f"{', '.join(unreadable[:5])} is" if unreadable else "a folder without files is"
        problems.add("data.path", f"{path}: {what} no table; csv, tsv, jsonl (all also .gz) and parquet are read")
    elif len(formats := sorted({format_of(file) for file in paths})) > 1:
        problems.add("data.path", f"{path} mixes {' and '.join(formats)}; a table has one format")
    else:
        return paths
    return []


def format_of(file: Path) -> str:
    """The format by the file's name, such as csv; of a .gz that of what is inside."""
    packed = file.suffix.lower() == ".gz"
    ending = Path(file.stem if packed else file.name).suffix[1:].lower()
    return f"{ending}.gz" if packed and ending == "parquet" else ending


def read_batches(path: Path, keys: Sequence[tuple[str, str]], problems: Problems) -> Iterator[Batch]:
    """Read all rows in order, a batch at a time.

    Args:
        path: a file, or a folder of files of one format.
        keys: pairs of a key of params.yaml and the column that it names.
        problems: gets what cannot be read; rows with a problem are left out.
    """
    wanted, rows = ColumnRequest(keys, problems), 0
    paths = table_files(path, problems)
    for file in paths:
        for batch in read_file(file, wanted):
            rows += len(batch.lines)
            yield batch
    if paths:
        require_rows(path, rows, problems)


def require_rows(path: Path, rows: int, problems: Problems) -> None:
    """Note that no row was read, unless problems say why."""
    if not rows and not problems:
        problems.add("data.path", f"{path}: no row can be read")


def read_file(file: Path, wanted: ColumnRequest) -> Iterator[Batch]:
    """Read the rows of a file, as far as it can be read."""
    try:
        yield from read(file, format_of(file), wanted)
    except UnreadableError as error:
        wanted.problems.add(str(file), str(error))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        wanted.problems.add(str(file), "is cut off or damaged: it cannot be unpacked to its end")
    except pa.ArrowException as error:
        wanted.problems.add(str(file), f"not readable as parquet: {str(error).splitlines()[0]}")


@dataclass(frozen=True, slots=True)
class _HeaderOnly(ColumnRequest):
    """Requests no column, and records those of the file."""

    found: list[str]

    def check_header(self, file: str, header: Sequence[str]) -> bool:
        """Record the columns; read no row."""
        self.found.extend(header)
        return False


def read_header(path: Path, problems: Problems) -> list[str]:
    """The columns of a table, by its first file."""
    wanted = _HeaderOnly((), problems, [])
    for file in table_files(path, problems)[:1]:
        for _ in read_file(file, wanted):
            pass
    return wanted.found
