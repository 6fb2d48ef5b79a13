"""Real tables of other people pass prepare and validate with the params that fit them, and no others."""

from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import prepare, validate
from tests.conftest import ROOT
from tests.documents import load, save
from tests.tables import TABLES, Table
from verdict.base.files import read_json
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.dataset.splits import SPLITS, normalise

CLASSES = {"reviews": 2, "glosses": 10, "strikes": 3, "comments": 2}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of a real table."""

    name: str
    table: Table
    folder: Path

    @property
    def rows(self) -> pd.DataFrame:
        """All rows that were kept, with the split that each is in."""
        parts = {name: pd.read_parquet(self.folder / f"data/prepared/{name}.parquet") for name in SPLITS}
        return pd.concat([part.assign(split=name) for name, part in parts.items()], ignore_index=True)


@pytest.fixture(scope="module", params=TABLES)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A folder in which a real table was prepared and validated."""
    table, folder = TABLES[request.param], tmp_path_factory.mktemp(request.param)
    if not table.path.exists():
        pytest.skip(f"{table.path} was not fetched: make tables")
    document: dict[str, Any] = {**load(ROOT / "params.yaml"), **table.params}
    for name in {"split", "validate"} - table.params.keys():  # those of another table
        del document[name]
    table.put(folder)
    save(folder / "params.yaml", document)
    with chdir(folder):
        prepare.main()
        validate.main()
    return Prepared(request.param, table, folder)


def test_its_classes_and_slices_are_those_of_the_table(prepared: Prepared) -> None:
    """The description has the table's classes and its slices, and each split has rows of all of them."""
    described, rows = read_dataset(prepared.folder / "data/prepared/dataset.json"), prepared.rows
    assert len(described.labels) == CLASSES[prepared.name]
    assert described.slice == prepared.table.data.get("slice")
    for column, values in (("label", described.labels), ("slice", described.slices)):
        if values:
            assert rows.groupby("split")[column].agg(set).map(lambda found, all_=set(values): found == all_).all()


def test_nothing_stands_in_two_splits(prepared: Prepared) -> None:
    """A group, and the words of a text, stand in one split."""
    rows = prepared.rows.assign(words=lambda table: table["text"].map(normalise))
    assert rows.groupby("group")["split"].nunique().max() == 1
    assert rows.groupby("words")["split"].nunique().max() == 1


def test_every_row_is_kept_or_counted(prepared: Prepared) -> None:
    """The rows of the table are those that were kept and those that dropped.json counts."""
    report = read_json(prepared.folder / "data/prepared/dropped.json", "")
    dropped = sum(sum(reasons.values()) for reasons in report["dropped"].values())
    assert sum(report["read"].values()) == len(prepared.rows) + dropped


@pytest.mark.parametrize("prepared", ["glosses"], indirect=True)
def test_groups_are_those_of_the_column(prepared: Prepared) -> None:
    """Each row has the id and the group that the table gives it."""
    source = pd.read_parquet(prepared.table.path).set_index(prepared.table.data["id"])[prepared.table.data["group"]]
    groups = prepared.rows.set_index("id")["group"]
    assert groups.to_dict() == source[groups.index].to_dict()


@pytest.mark.parametrize("prepared", ["strikes"], indirect=True)
def test_the_newest_rows_are_tested_on(prepared: Prepared) -> None:
    """Split by date, no row for training is newer than one for validation, and none of these newer than one of test."""
    source = pd.read_csv(prepared.table.path, dtype=str, keep_default_na=False)
    words = source[prepared.table.data["text"]].agg(" ".join, axis=1).map(normalise)
    dates = source[prepared.table.data["date"]].groupby(words).agg(["min", "max"])
    dates = dates[dates["min"] == dates["max"]]["min"]  # of other texts it is not known which row was kept
    rows = prepared.rows.assign(date=lambda table: table["text"].map(normalise).map(dates)).dropna(subset="date")
    train, validation, test = (sorted(rows.loc[rows["split"] == name, "date"].astype(str)) for name in SPLITS)
    assert train[-1] <= validation[0]
    assert validation[-1] <= test[0]
