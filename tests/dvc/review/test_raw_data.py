"""The raw data of a revision: which file or folder they are, and that no hostile path leads elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from tests.documents import save
from verdict.base.errors import VerdictError
from verdict.repo.raw_data import TABLE_PATH, RawData, data_path, declared_path, raw_data
from verdict.repo.revisions import Revision

HASH = "0123456789abcdef" * 2


def tree(folder: Path, data: object, *pointers: str, more: dict[str, Any] | None = None) -> Revision:
    """A working tree whose params.yaml names this path, with pointers to what they are beside."""
    save(folder / "params.yaml", {"data": {"path": data}})
    for pointer in pointers:
        (folder / pointer).parent.mkdir(parents=True, exist_ok=True)
        name = Path(pointer).stem
        save(folder / pointer, {"outs": [{"md5": HASH, "size": 1, "hash": "md5", "path": name, **(more or {})}]})
    return Revision(folder, "the tree", None)


@pytest.mark.parametrize(
    ("pointer", "tracked"),
    [("data/raw/a.csv.dvc", "data/raw/a.csv"), ("data/raw.dvc", "data/raw")],
)
def test_the_pointer_is_its_own_or_that_of_a_folder_around_it(tmp_path: Path, pointer: str, tracked: str) -> None:
    """A table may be tracked by itself, or as one file of a folder."""
    found = raw_data(tree(tmp_path, "data/raw/a.csv", pointer))
    assert found == RawData("data/raw/a.csv", tracked, HASH)
    assert found.pointer == pointer


def test_the_nearest_pointer_counts(tmp_path: Path) -> None:
    """A pointer of the table's own goes before one of a folder around it."""
    assert raw_data(tree(tmp_path, "data/a/b.csv", "data/a/b.csv.dvc", "data/a.dvc")).tracked == "data/a/b.csv"


def test_data_without_a_pointer_are_refused_with_the_command(tmp_path: Path) -> None:
    """Data that DVC does not track are refused, as are those under a pointer of the whole folder data."""
    with pytest.raises(VerdictError, match=r"dvc add data/raw/a\.csv, and commit data/raw/a\.csv\.dvc"):
        raw_data(tree(tmp_path, "data/raw/a.csv", "data.dvc", "data/raw/b.csv.dvc"))


@pytest.mark.parametrize("more", [{"path": "other.csv"}, {"path": "../a.csv"}, {"md5": "../../x"}, {"md5": 7}])
def test_a_pointer_to_something_else_is_none(tmp_path: Path, more: dict[str, Any]) -> None:
    """A pointer must name the file beside it, by a hash, and nothing else."""
    with pytest.raises(VerdictError, match=r"not a pointer of DVC to a\.csv beside it"):
        raw_data(tree(tmp_path, "data/a.csv", "data/a.csv.dvc", more=more))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../a.csv",
        "data/../stages/prepare.py",
        "data/./a.csv",
        "stages/prepare.py",
        "params.yaml",
        "data",
        "data/",
        "data//a.csv",
        "data/raw/",
        "data\\a.csv",
        "data/.dvc",
        "data/.hidden.csv",
        "data/a\n.csv",
        "data/a.csv\n",
        "data/a.csv.dvc",
        "data/prepared",
        "data/prepared/x.csv",
        "data/prepared/.train.parquet.partial",
        "data/start/encoder",
        "data/validation/predictions.parquet",
        "s3://bucket/a.csv",
        "data/" + "a" * 101,
        "data/a/b/c/d/e/f/g",
        "${train.model}",
        None,
        7,
        ["data/a.csv"],
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: object) -> None:
    """Above the folder data, out of the tree, hidden, or where stages write: no such path is followed."""
    with pytest.raises(VerdictError, match="the tree"):
        raw_data(tree(tmp_path, path, "data.dvc"))
    with pytest.raises(VerdictError):
        data_path({"data": {"path": path}}, "params.yaml")


@pytest.mark.parametrize("params", [None, [], {}, {"data": None}, {"data": []}, {"data": {}}])
def test_params_that_name_no_data_are_refused(params: object) -> None:
    """Any value but a path is refused."""
    with pytest.raises(VerdictError, match=r"names no data\.path"):
        data_path(params, "params.yaml")


def test_a_folder_may_have_no_params(tmp_path: Path) -> None:
    """A DAG of another kind names no data; one that does names a path that is checked."""
    assert declared_path(tmp_path) is None
    save(tmp_path / "params.yaml", {"train": {"seed": 1}})
    assert declared_path(tmp_path) is None
    save(tmp_path / "params.yaml", {"data": {"path": "data/a.csv"}})
    assert declared_path(tmp_path) == "data/a.csv"
    save(tmp_path / "params.yaml", {"data": {"path": "../a.csv"}})
    with pytest.raises(VerdictError):
        declared_path(tmp_path)


def test_a_table_is_known_by_its_name() -> None:
    """Of the formats that are read, packed or not, at any depth that a path may have."""
    good = ["data/a.csv", "data/raw/b.JSONL", "data/raw/2026/c.tsv.gz", "data/a-1.b.parquet"]
    assert [name for name in good if TABLE_PATH.fullmatch(name)] == good
    assert not [name for name in ("a.csv", "data/a.txt", "data/a.csv.zip", "data/.a.csv") if TABLE_PATH.fullmatch(name)]
