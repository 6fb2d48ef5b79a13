"""Shared fixtures: a small, made-up table of the example's shape, and params to match it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Before DVC is imported anywhere: no telemetry.
os.environ["DVC_NO_ANALYTICS"] = "1"

import pytest

import stages  # noqa: F401 - pins the math libraries first, as a stage does
from tests.corpus import write_raw
from tests.documents import load, save
from tests.tiers import VARIABLE
from verdict.classifier.params import Params

ROOT = Path(__file__).resolve().parent.parent
# A copy in memory costs a sixth of one on a disk. A run needs about half a GB there; a failed run leaves its files.
_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30  # bytes # noqa: S108 - made by pytest, as in /tmp
_SLOWEST = ("workflows", "dvc/sweep", "dvc/pipeline", "dvc/remote")
# The table of tests/corpus.py, whatever the repository's own data is, and limits that a few hundred rows can keep.
SMALL: dict[str, Any] = {
    "data": {
        "path": "data/raw/sentences.csv",
        "text": "text",
        "labels": ["negative", "neutral", "positive"],
        "rating": {"column": "valence", "limits": [-4, 4], "neutral_band": 0.05},
        "id": "id",
        "group": "document",
        "slice": "domain",
        "conflicts": "first",
        "max_text_length": 2000,
    },
    "split": {"by": "group", "salt": "verdict", "test": 0.2, "validation": 0.1},
    "validate": {
        "min_rows": {"train": 100, "validation": 10, "test": 20},
        "min_slice_rows": 2,
        "min_class_rows": 2,
        "max_class_drift": 0.3,
        "max_slice_drift": 0.3,
    },
}
GATE = {
    "fail_on_worse": {name: ["weighted_f1"] for name in ("overall", "tweets", "movies", "products", "news")},
    "floors": {"overall": 0.74, "tweets": 0.8, "movies": 0.77, "products": 0.68, "news": 0.55},
}


def small_params() -> dict[str, Any]:
    """The repository's params.yaml with the settings of the small table, whichever data set the repository has."""
    document: dict[str, Any] = load(ROOT / "params.yaml")
    linear = {**document["train"]["linear"], "alpha": 1.5e-5}
    train = {**document["train"], "linear": linear, "class_weight": {"neutral": 2.0}, "rating_noise": 0.6}
    groups = {
        "featurize": {**document["featurize"], "char": {"ngrams": [3, 6], "min_df": 3}},
        "train": train,
        "evaluate": {**document["evaluate"], "headline": "weighted_f1"},
        "gate": {**document["gate"], **deepcopy(GATE)},
    }
    return {**document, **deepcopy(SMALL), **groups}


def copy_start(folder: Path) -> None:
    """Copy the files that stages read beside the table: start weights of each kind of model, and published scores."""
    ignored = shutil.ignore_patterns("encoder")
    shutil.copytree(ROOT / "data" / "start", folder / "data" / "start", ignore=ignored)
    shutil.copyfile(ROOT / "data" / "published.csv", folder / "data" / "published.csv")


def pytest_configure(config: pytest.Config) -> None:
    """Put all temporary folders into memory where there is room, unless TMPDIR or a tier says otherwise."""
    is_chosen = config.option.basetemp or {"TMPDIR", VARIABLE} & os.environ.keys()
    if not is_chosen and os.access(_MEMORY, os.W_OK) and _has_room(_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core (`-n logical`), or three for every two cores (`-n auto`).

    All tiers but `unit` wait a third of their time: for a server, a kill or DVC's queue.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else cores + cores // 2


def _has_room(folder: Path) -> bool:
    """Return whether a run fits into the folder, and programs can be run from it."""
    return shutil.disk_usage(folder).free >= _ROOM and not os.statvfs(folder).f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest folders first: bases are made while other workers are busy, and all workers end together."""
    places = {ROOT / "tests" / name: number for number, name in enumerate(_SLOWEST)}
    items.sort(key=lambda item: places.get(item.path.parent, len(places)))


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Take back changes of the environment after each test."""
    with patch.dict(os.environ):
        yield


@pytest.fixture
def params() -> Params:
    """The repository's params with the limits of a small table."""
    return Params.model_validate(small_params())


@pytest.fixture
def raw_folder(tmp_path: Path) -> Path:
    """A folder data/raw with a small, valid table."""
    folder = tmp_path / "data" / "raw"
    write_raw(folder)
    return folder


@pytest.fixture
def workspace(raw_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data/raw and params.yaml, for stages called in this process; it is the current folder."""
    folder = raw_folder.parent.parent
    copy_start(folder)
    save(folder / "params.yaml", small_params())
    monkeypatch.chdir(folder)
    return folder


def require_example() -> None:
    """Skip the test where `verdict init` replaced the example's data."""
    if not (ROOT / "data/raw/sentences.csv.dvc").exists():
        pytest.skip("the example was taken out (verdict init)")
