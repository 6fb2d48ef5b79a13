"""Tests of verdict/base/files.py and verdict/base/errors.py: whole or not at all, and told without a traceback."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import is_sha256, read_json, read_table, replacing, sha256, write_json, write_rows, write_table

SCHEMA = pa.schema({"id": pa.string(), "n": pa.int64()})
TABLE = pd.DataFrame({"id": ["a", "b"], "n": [1, 2]})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """An error in the middle of writing keeps the file as it was."""
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(IsADirectoryError), replacing(path) as partial:
        partial.write_text("half", encoding="utf-8") and tmp_path.read_text(encoding="utf-8")
    assert read_json(path, "") == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_is_never_written(tmp_path: Path, value: float) -> None:
    """NaN and infinity are refused, by write_json and by write_rows."""
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": value})
    with pytest.raises(ValueError, match="JSON"):
        write_rows(tmp_path / "b.json", [{"a": value}])
    assert list(tmp_path.iterdir()) == []


def test_json_has_sorted_keys_and_rows_have_a_line_each(tmp_path: Path) -> None:
    """The order of keys in memory does not reach the file, and git sees plot rows one by one."""
    write_json(tmp_path / "a.json", {"b": 1, "a": {"d": 1, "c": "\u00e9"}})
    write_json(tmp_path / "b.json", {"a": {"c": "\u00e9", "d": 1}, "b": 1})
    assert sha256(tmp_path / "a.json") == sha256(tmp_path / "b.json")
    write_rows(tmp_path / "rows.json", [{"x": 1}, {"x": 2}])
    assert (tmp_path / "rows.json").read_text(encoding="utf-8").splitlines()[1:3] == ['{"x": 1},', '{"x": 2}']
    write_rows(tmp_path / "none.json", [])
    assert read_json(tmp_path / "none.json", "") == []


def test_a_table_is_the_same_bytes_whatever_its_index(tmp_path: Path) -> None:
    """No metadata of pandas enters the file, nor what one of pandas and one of pyarrow have more."""
    write_table(tmp_path / "a.parquet", TABLE, SCHEMA)
    write_table(tmp_path / "b.parquet", TABLE.set_axis([7, 9]), SCHEMA)
    write_table(tmp_path / "c.parquet", pa.table({"n": TABLE["n"], "more": [0, 0], "id": TABLE["id"]}), SCHEMA)
    assert len({sha256(tmp_path / f"{name}.parquet") for name in "abc"}) == 1
    assert pq.read_schema(tmp_path / "a.parquet").metadata is None
    assert read_table(tmp_path / "a.parquet", "").equals(TABLE.astype({"id": "str"}))


def test_an_unusable_table_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Missing, truncated, foreign, lacking a column, with a gap: each is named."""
    path = tmp_path / "table.parquet"
    with pytest.raises(VerdictError, match=r"no such file[\s\S]*mend it"):
        read_table(path, "mend it")
    write_table(path, pd.DataFrame({"id": ["a", None], "n": [1, 2]}), SCHEMA)
    with pytest.raises(VerdictError, match="missing columns: x"):
        read_table(path, "mend it", ["id", "x"])
    with pytest.raises(VerdictError, match="without a value in: id"):
        read_table(path, "mend it", ["id"])
    for content in (path.read_bytes()[:-20], b"id,n\na,1\n", b""):
        path.write_bytes(content)
        with pytest.raises(VerdictError, match="not readable as parquet"):
            read_table(path, "mend it")


@pytest.mark.parametrize("content", [None, b"{", b"\xff"], ids=["missing", "cut-off", "not-utf8"])
def test_unusable_json_is_refused_with_the_remedy(tmp_path: Path, content: bytes | None) -> None:
    """A JSON file that is missing or damaged is named, with the remedy."""
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VerdictError, match=r"a\.json[\s\S]*mend it"):
        read_json(path, "mend it")


@pytest.mark.parametrize(("value", "expected"), [("0" * 64, True), ("0" * 63, False), ("g" * 64, False), (None, False)])
def test_a_hash_is_told_from_what_is_none(value: object, expected: bool) -> None:
    """64 hexadecimal digits are a hash, anything else is not."""
    assert is_sha256(value) is expected


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (VerdictError("a.txt", "broken", "mend it"), 1, "error: a.txt: broken\n  remedy: mend it"),
        (OSError(28, "No space left on device", "a.txt"), 1, "a.txt: No space left on device\n  remedy:"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["user", "disk", "ctrl-c"],
)
def test_what_a_user_can_mend_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, expected: str
) -> None:
    """Errors of users and disks become a message with a remedy, and an exit code."""

    def fail() -> None:
        raise error

    assert exit_code(fail) == code
    message = capsys.readouterr().err
    assert expected in message
    assert "Traceback" not in message


def test_a_defect_keeps_its_traceback() -> None:
    """What no user can mend is not dressed up."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        exit_code(fail)
