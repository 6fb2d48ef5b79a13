"""Tests of stages/prepare.py."""

from pathlib import Path

import pandas as pd
import pytest

from stages import prepare
from tests.corpus import SIZES
from tests.unit.stages.runs import Change, refusal, remove, set_params, write
from verdict.base.files import read_json, sha256
from verdict.classifier.dataset.splits import SCHEMA, SPLITS

TRUTH = "data/raw/tweets_GroundTruth.txt"
RATINGS = "data/raw/tweets_anonDataRatings.txt"


def test_every_raw_row_is_kept_in_one_split(workspace: Path) -> None:
    """The three tables hold every valid raw row once, with the columns of the schema in order."""
    prepare.main()
    tables = [pd.read_parquet(workspace / f"data/prepared/{name}.parquet") for name in SPLITS]
    ids = pd.concat([table["id"] for table in tables])
    assert len(ids) == sum(SIZES.values())
    assert ids.is_unique
    assert all(list(table.columns) == SCHEMA.names for table in tables)


def test_rows_left_out_are_counted_in_the_report(workspace: Path) -> None:
    """A raw row that cannot be used shows up under its domain and reason in dropped.json."""
    with (workspace / TRUTH).open("a", encoding="utf-8") as file:
        file.write("900\tgreat\tA cup on a shelf\n901\t1.0\n")
    prepare.main()
    report = read_json(workspace / "data/prepared/dropped.json", "")
    assert report["read"] == SIZES
    assert report["dropped"]["tweets"] == {"mean is not a number": 1, "not three columns": 1}
    assert report["dropped"]["news"] == {}


def test_a_mean_unlike_its_ratings_is_counted_and_kept(workspace: Path) -> None:
    """A published mean that is not the mean of the ratings is the valence all the same, and counted."""
    path = workspace / TRUTH
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    key, _, text = first.split("\t")
    path.write_text(f"{key}\t3.75\t{text}\n{rest}", encoding="utf-8")
    prepare.main()
    tables = pd.concat([pd.read_parquet(f"data/prepared/{name}.parquet") for name in SPLITS])
    assert tables.set_index("id").loc[f"tweets-{key}", "valence"] == 3.75
    assert read_json(Path("data/prepared/dropped.json"), "")["mean_differs_from_ratings"] == {"tweets": 1}


def test_the_same_input_gives_the_same_bytes(workspace: Path) -> None:
    """Two runs leave byte for byte the same files."""
    prepare.main()
    first = {path.name: sha256(path) for path in Path("data/prepared").iterdir()}
    prepare.main()
    assert {path.name: sha256(path) for path in Path("data/prepared").iterdir()} == first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(remove(TRUTH), [TRUTH, "no such file", "fetch.py"], id="missing-raw-file"),
        pytest.param(remove(RATINGS), [RATINGS, "no such file"], id="missing-ratings"),
        pytest.param(write(TRUTH, ""), [TRUTH, "empty file"], id="empty-raw-file"),
        pytest.param(write(RATINGS, " \r\n\r\n"), [RATINGS, "empty file"], id="only-blank-lines"),
        pytest.param(
            lambda: Path(TRUTH).write_bytes(b"1\t1.0\tA cup\r\n2\t1.0\tA caf\xe9\r\n"),
            [f"{TRUTH}, line 2", "not UTF-8"],
            id="latin-1",
        ),
        pytest.param(write(TRUTH, "1\t9\tA cup\n"), [TRUTH, "no usable row", "mean outside"], id="all-rows-unusable"),
        pytest.param(remove("params.yaml"), ["params.yaml", "no such file"], id="no-params"),
        pytest.param(set_params("prepare", test_share=2.0), ["prepare.test_share"], id="share-out-of-range"),
        pytest.param(lambda: Path("data/prepared").touch(), ["data/prepared"], id="a-file-where-the-folder-goes"),
    ],
)
def test_bad_input_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]
) -> None:
    """Input of which nothing can be made ends with exit code 1, the place and a remedy."""
    change()
    message = refusal(prepare.main, capsys)
    assert all(word in message for word in words), message
    assert not (workspace / "data/prepared/dropped.json").exists()
