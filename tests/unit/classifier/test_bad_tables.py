"""Each table that cannot be used ends in one message that helps, and leaves nothing half-written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import prepare, validate
from tests.conftest import ROOT
from tests.documents import load, save
from tests.unit.classifier.bad_tables import BAD, GOOD, RATED, Bad
from tests.unit.classifier.made_up import NAME, as_csv, as_lines, as_parquet, columns, files, rows
from verdict.base.errors import exit_code

STAGES: dict[str, Callable[[], None]] = {"prepare": prepare.main, "validate": validate.main}
EVERYTHING = {
    "id": "key",
    "group": "thread",
    "slice": "place",
    "date": "sent",
    "weight": "times",
    "text": ["title", "words"],
}


def workspace(folder: Path, data: dict[str, Any], split: dict[str, Any]) -> Path:
    """A folder with params.yaml and data/raw, which is empty; validate has its defaults."""
    document = load(ROOT / "params.yaml")
    del document["validate"]
    given = {key: value for key, value in {**GOOD, **data}.items() if value is not None}
    (folder / "data" / "raw").mkdir(parents=True)
    save(folder / "params.yaml", {**document, "data": given, "split": split})
    return folder


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_table_ends_in_one_message(
    bad: Bad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stage ends with 1 and one message that names the place and a remedy; data/prepared has no file."""
    folder = workspace(tmp_path / "repository", bad.data, bad.split)
    bad.write(folder / "data" / "raw")
    monkeypatch.chdir(folder)
    before = {path.name for path in folder.iterdir()}
    if bad.stage == "validate":
        prepare.main()
        before |= {"metrics"}
        capsys.readouterr()
    assert exit_code(STAGES[bad.stage]) == 1
    printed, message = capsys.readouterr()
    print(message)
    assert not printed
    assert message.startswith("error: ")
    assert message.count("error: ") == message.count("\n  remedy: ") == 1
    assert len(message) < 3000
    assert [word for word in bad.words if word not in message] == []
    assert not list(folder.rglob("*.partial"))
    assert bad.stage == "validate" or not list((folder / "data" / "prepared").glob("*"))


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet"])
def test_the_table_that_is_damaged_is_good(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the bad tables are made of passes, in every format."""
    contents = {
        "csv": as_csv(rows()),
        "tsv": as_csv(rows(), "\t"),
        "jsonl": as_lines(rows()),
        "parquet": as_parquet(columns()),
    }
    folder = workspace(tmp_path / "repository", {"path": f"data/raw/table.{name}"}, {})
    files(**{f"table__{name}": contents[name]})(folder / "data" / "raw")
    monkeypatch.chdir(folder)
    prepare.main()
    validate.main()


@pytest.mark.parametrize("data", [EVERYTHING, {**EVERYTHING, **RATED}], ids=["labelled", "rated"])
@pytest.mark.parametrize(
    "split", [{}, {"by": "date"}, {"by": "column", "column": "part"}], ids=["group", "date", "column"]
)
def test_every_column_of_it_is_good(
    data: dict[str, Any], split: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes with all that `data` can name, and split in all three ways."""
    folder = workspace(tmp_path / "repository", data, split)
    (folder / "data" / "raw" / NAME).write_bytes(as_csv(rows()))
    monkeypatch.chdir(folder)
    prepare.main()
    validate.main()
