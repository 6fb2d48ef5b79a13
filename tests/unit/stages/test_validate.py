"""Tests of stages/validate.py."""

from pathlib import Path

import pandas as pd
import pytest

from stages import prepare, validate
from tests.conftest import small_params
from tests.corpus import mails, write_csv
from tests.documents import save
from tests.unit.stages.runs import (
    Change,
    build,
    copied,
    drop_column,
    refusal,
    remove,
    set_cell,
    set_column,
    truncate,
    write,
)
from verdict.base.files import read_json
from verdict.classifier.dataset import quality

TRAIN = "data/prepared/train.parquet"
TEST = "data/prepared/test.parquet"


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which prepare and validate have run; it is read, never changed."""
    return build(tmp_path_factory.mktemp("valid"), stages=(prepare, validate))


@pytest.fixture
def ran(valid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished folder to damage; it is the current folder."""
    folder = copied(valid, tmp_path / "ran")
    monkeypatch.chdir(folder)
    return folder


def test_valid_tables_leave_a_report_with_counts(ran: Path) -> None:
    """The report says that there are no violations, and its class counts sum to the rows."""
    Path("metrics/data.json").unlink()
    validate.main()
    report = read_json(Path("metrics/data.json"), "")
    assert report["violations"] == 0
    for name, split in report["splits"].items():
        counted = sum(sum(classes.values()) for classes in split["classes"].values())
        assert counted == split["rows"] == len(pd.read_parquet(f"data/prepared/{name}.parquet"))
    assert report["raw"]["read"]["tweets"] == 140


def test_all_violations_are_listed_at_once_with_ids(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four faults in two tables come back in one message, each with its row, and in violations.csv."""
    faulty = []
    for change_of, row in ((TRAIN, 0), (TRAIN, 1), (TRAIN, 2), (TEST, 0)):
        faulty.append(pd.read_parquet(change_of)["id"].iloc[row])
    set_cell(TRAIN, "text", "  ", 0)()
    set_cell(TRAIN, "rating", 9.0, 1)()
    set_cell(TRAIN, "label", "mixed", 2)()
    set_cell(TEST, "slice", "mars", 0)()
    message = refusal(validate.main, capsys)
    details = pd.read_csv("data/violations.csv")
    rules = ["text is not empty", "rating lies in [-4, 4]", "label is known", "slice is known"]
    for rule, row_id in zip(rules, faulty, strict=True):
        assert f"{rule} (1 rows: {row_id})" in message
        assert row_id in set(details.loc[details["rule"] == rule, "id"])


def test_many_ids_are_cut_in_the_message_and_whole_in_the_details(
    ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a rule that all rows break the message shows twenty ids, and violations.csv all of them."""
    set_column(TRAIN, "text", " ")()
    message = refusal(validate.main, capsys)
    size = len(pd.read_parquet(TRAIN))
    assert f"({size} rows: " in message
    assert f" and {size - quality.SHOWN} more)" in message
    shown = message.split("rows: ")[1].split(" and ")[0].split(", ")
    assert shown == pd.read_parquet(TRAIN)["id"].tolist()[: quality.SHOWN]
    assert len(pd.read_csv("data/violations.csv").query("rule == 'text is not empty'")) == size


def test_valid_tables_remove_the_details_of_an_earlier_run(ran: Path) -> None:
    """A violations.csv of an earlier run does not outlive a run that finds none."""
    write("data/violations.csv", "old")()
    validate.main()
    assert not Path("data/violations.csv").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(remove(TRAIN), [TRAIN, "no such file"], id="missing"),
        pytest.param(truncate(TRAIN), [TRAIN, "not readable as parquet"], id="truncated"),
        pytest.param(write(TRAIN, "a lamp"), [TRAIN, "not readable as parquet"], id="not-parquet"),
        pytest.param(drop_column(TRAIN, "text"), ["train: column text is missing"], id="missing-column"),
        pytest.param(set_column(TEST, "mood", "x"), ["test: column mood is unknown"], id="extra-column"),
        pytest.param(set_column(TRAIN, "rating", 1), ["rating has another type: int64, not float64"], id="dtype"),
        pytest.param(remove("data/prepared/dataset.json"), ["dataset.json", "no such file"], id="no-description"),
        pytest.param(remove("data/prepared/dropped.json"), ["dropped.json", "no such file"], id="no-report-of-drops"),
        pytest.param(write("data/prepared/dropped.json", "{"), ["not readable as JSON"], id="damaged-report"),
    ],
)
def test_bad_tables_are_refused(
    ran: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]
) -> None:
    """A table that cannot be read, or that is not what it should be, ends with exit code 1 and is named."""
    change()
    message = refusal(validate.main, capsys)
    assert all(word in message for word in words), message


def test_a_table_of_texts_and_labels_alone_is_summed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without slices the report has class counts alone, no drift of slices, and counts what was dropped overall."""
    monkeypatch.chdir(tmp_path)
    write_csv(Path("mails.csv"), [*mails(), {"subject": " ", "body": "", "label": "ham"}])
    document = small_params()
    document["data"] = {"path": "mails.csv", "text": ["subject", "body"], "label": "label"}
    document["validate"] = {"min_class_rows": 5}
    save(Path("params.yaml"), document)
    prepare.main()
    validate.main()
    report = read_json(Path("metrics/data.json"), "")
    assert (report["labels"], report["slices"]) == (["ham", "spam"], [])
    assert report["raw"] == {"read": {"overall": 301}, "cut": {}, "dropped": {"overall": {"no text": 1}}}
    train = report["splits"]["train"]
    assert set(train) == {"rows", "groups", "classes", "max_class_drift"}
    assert train["rows"] == train["groups"] == sum(train["classes"].values())
    assert "validate: 300 rows keep the contracts" in capsys.readouterr().out
