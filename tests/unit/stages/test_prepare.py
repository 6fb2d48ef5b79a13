"""Tests of stages/prepare.py."""

from pathlib import Path

import pandas as pd
import pytest

from stages import prepare
from tests.corpus import RAW, SIZES, append
from tests.unit.stages.runs import Change, refusal, remove, set_params, write
from verdict.base.files import read_json, sha256
from verdict.classifier.dataset.splits import SPLITS

TABLE = f"data/raw/{RAW}"


def test_every_row_is_kept_in_one_split(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The three tables hold every valid row once, with the columns of the contract in order."""
    prepare.main()
    tables = [pd.read_parquet(workspace / f"data/prepared/{name}.parquet") for name in SPLITS]
    ids = pd.concat([table["id"] for table in tables])
    assert len(ids) == sum(SIZES.values())
    assert ids.is_unique
    assert all(list(table.columns) == ["id", "group", "slice", "text", "label", "rating"] for table in tables)
    assert f"prepare: {len(ids)} rows kept, 0 dropped; train {len(tables[0])}, " in capsys.readouterr().out


def test_rows_left_out_are_counted_in_the_report(workspace: Path) -> None:
    """A row that is dropped shows up under its slice and reason in dropped.json."""
    append(
        workspace / TABLE, ["tweets-900,,tweets,&nbsp;,1.5", "tweets-901,,tweets,Twice,1", "tweets-902,,tweets,Twice,1"]
    )
    prepare.main()
    report = read_json(workspace / "data/prepared/dropped.json", "")
    assert report["read"] == {**SIZES, "tweets": SIZES["tweets"] + 3}
    assert report["dropped"]["tweets"] == {"no text": 1, "text seen before": 1}
    assert report["dropped"]["news"] == {}


def test_the_same_input_gives_the_same_bytes(workspace: Path) -> None:
    """Two runs leave byte for byte the same files."""
    prepare.main()
    first = {path.name: sha256(path) for path in Path("data/prepared").iterdir()}
    prepare.main()
    assert {path.name: sha256(path) for path in Path("data/prepared").iterdir()} == first


def test_conflicts_of_an_earlier_run_do_not_outlive_it(workspace: Path) -> None:
    """A violations.csv of an earlier run is gone after one that finds none."""
    write("data/violations.csv", "old")()
    prepare.main()
    assert not Path("data/violations.csv").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(remove(TABLE), [TABLE, "no such file", "dvc pull"], id="missing-table"),
        pytest.param(write(TABLE, ""), [TABLE, "empty file"], id="empty-table"),
        pytest.param(
            lambda: Path(TABLE).write_bytes(b"id,document,domain,text,valence\n1,,web,caf\xe9,1\n"),
            [TABLE, "line 2: not UTF-8"],
            id="latin-1",
        ),
        pytest.param(
            set_params("data", text="body", slice="thread"),
            ['data.text: no column "body"', 'data.slice: no column "thread"', "it has id, document"],
            id="unknown-columns",
        ),
        pytest.param(remove("params.yaml"), ["params.yaml", "no such file"], id="no-params"),
        pytest.param(set_params("split", test=2.0), ["split.test"], id="share-out-of-range"),
        pytest.param(lambda: Path("data/prepared").touch(), ["data/prepared"], id="a-file-where-the-folder-goes"),
    ],
)
def test_bad_input_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]
) -> None:
    """Input of which nothing can be made ends with exit code 1, the place and a remedy, and leaves nothing behind."""
    change()
    message = refusal(prepare.main, capsys)
    assert all(word in message for word in words), message
    assert not list(Path("data").glob("prepared/*"))
