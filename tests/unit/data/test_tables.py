"""Tests of tests/tables.py: what is handed out is checked, twice, and a table appears whole or not at all."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests import tables
from tests.tables import TABLES, Row, fetch
from verdict.base.errors import VerdictError

ROWS: list[Row] = [{"words": 'said "so",\nand so', "label": "a"}, {"words": "第二", "label": "b"}]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with made-up rows."""
    path, content = tmp_path / "rows.tgz", json.dumps(ROWS).encode()
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo("rows.json")
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def served(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the table `reviews` come from this archive, with right pins by default."""

    def serve(file: str, archive_hash: str | None = None, rows_hash: str | None = None) -> None:
        found = archive_hash or hashlib.sha256(archive.read_bytes()).hexdigest()
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
        source = replace(TABLES["reviews"].source, sha256=found)
        pinned = rows_hash or hashlib.sha256(lines.encode()).hexdigest()
        table = replace(TABLES["reviews"], file=file, source=source, rows=lambda _: iter(ROWS), sha256=pinned)
        monkeypatch.setitem(TABLES, "reviews", table)
        monkeypatch.setattr(tables, "_downloaded", lambda *_: archive)

    return serve


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "a.csv": pd.read_csv,
    "a.csv.gz": pd.read_csv,
    "a.parquet": pd.read_parquet,
    "a.jsonl": lambda path: pd.read_json(path, lines=True),
}


@pytest.mark.parametrize("file", READERS)
def test_a_table_is_written_in_the_format_of_its_name(file: str, served: Callable[..., None], tmp_path: Path) -> None:
    """The rows come back from the file as they were, and a second time makes the same bytes."""
    served(file)
    fetch("reviews", tmp_path / "tables")
    written = (tmp_path / "tables" / file).read_bytes()
    assert READERS[file](tmp_path / "tables" / file).to_dict("records") == ROWS
    fetch("reviews", tmp_path / "tables")
    assert (tmp_path / "tables" / file).read_bytes() == written


@pytest.mark.parametrize("pin", [{"archive_hash": "0" * 64}, {"rows_hash": "0" * 64}], ids=["archive", "rows"])
def test_other_data_than_the_pinned_are_refused(
    pin: dict[str, str], served: Callable[..., None], tmp_path: Path
) -> None:
    """Another archive, or other rows made of it, is an error, and no file is left."""
    served("a.csv", **pin)
    with pytest.raises(VerdictError, match="than the pinned one"):
        fetch("reviews", tmp_path / "tables")
    assert list((tmp_path / "tables").iterdir()) == []
