"""Tests of verdict/base/engine.py: the files of a table worked on by a Dask cluster on this machine."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from verdict.base import engine
from verdict.base.engine import map_items
from verdict.base.errors import VerdictError
from verdict.classifier.dataset import names, preparation
from verdict.classifier.features import shards
from verdict.classifier.params import Ngrammed
from verdict.classifier.params.data import Data, Split

_DASK = find_spec("distributed") is not None
needs_dask = pytest.mark.skipif(not _DASK, reason="Dask is not installed: make engine")
HEADER = ("id", "text", "label", "kind", "thread", "count", "sent")
BASE = {"path": "raw", "text": "text", "label": "label", "max_text_length": 60, "damaged": "drop"}
ALL = {"id": "id", "group": "thread", "slice": "kind", "weight": "count"}
# What is read of the files, and which rows go where.
GOOD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all columns": ({**ALL, "conflicts": "drop"}, {}),
    "rows that lead others": ({"slice": "kind", "conflicts": "first"}, {}),
    "copies": ({"duplicates": "keep", "conflicts": "first"}, {}),
    "dates": ({"date": "sent", "conflicts": "first"}, {"by": "date"}),
}
BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "conflicts": ({**ALL, "conflicts": "stop"}, {}),
    "labels, ids and damage": ({**ALL, "id": "kind", "labels": ["a", "b"], "damaged": "stop"}, {}),
    "no column": ({"slice": "color"}, {}),
    "no such dates": ({"date": "sent", "date_format": "%Q"}, {"by": "date"}),
    "no dates": ({"date": "sent", "date_format": "%d.%m.%Y"}, {"by": "date"}),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and a worker with two threads, started as docs/size.md does it, where no code of ours lies."""
    folder = tmp_path_factory.mktemp("cluster")
    dask = [sys.executable, "-I", "-m", "dask"]
    alone = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduling = [*dask, "scheduler", *alone, "--port", "0", "--idle-timeout", "300"]
    working = ["worker", "--nworkers", "1", "--nthreads", "2", *alone, "--death-timeout", "60"]
    with subprocess.Popen(scheduling, cwd=folder, stderr=subprocess.PIPE, text=True) as scheduler:
        assert scheduler.stderr
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
        with subprocess.Popen([*dask, *working, address], cwd=folder, stderr=subprocess.DEVNULL) as worker:
            yield address
            worker.terminate()
        scheduler.terminate()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, as a stage has it: with the project's code, and a table of three files below it."""
    (tmp_path / "verdict").symlink_to(ROOT / "verdict")
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write(tmp_path / "raw" / f"{number}.csv", number)
    return tmp_path


def write(path: Path, number: int) -> None:
    """Write rows of which each file has labels and slices in another order, and texts that others have, too."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for row in range(number * 60, number * 60 + 60):
            text = [f"Lamp {row % 45}!", f"lamp {row % 45}", "", "salt &amp; " * 9, f"caf\ufffd {row}", f"boat {row}"]
            label, kind = "cba"[(row % 45 + number * (row % 20 == 0)) % 3], "rqp"[(row + number) % 3 :][:1]
            thread = f"g{row % 50}" if row % 4 else ""
            out.writerow([f"r{row}", text[row % 6], label, kind, thread, row % 5, f"2020-01-{row % 28 + 1:02}"])


def prepared(name: str, data: dict[str, Any], split: dict[str, Any]) -> dict[str, bytes] | str:
    """What `prepare` leaves behind, file by file; or its message, with nothing left behind."""
    folder, details = Path(name, "prepared"), Path("violations.csv")
    rules = Split.model_validate({"test": 0.3, "validation": 0.3} | split)
    try:
        preparation.prepare(Data.model_validate(BASE | data), rules, folder, details)
    except VerdictError as error:
        assert not list(folder.iterdir())
        return str(error) + (details.read_text(encoding="utf-8") if details.exists() else "")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", GOOD)
def test_the_files_of_a_folder_are_one_table(place: Path, name: str) -> None:
    """Cut into files that begin with other labels and slices, a table gives the rows and counts that it gives whole."""
    apart = prepared("apart", *GOOD[name])
    files = [path.read_text(encoding="utf-8").splitlines(keepends=True) for path in sorted(Path("raw").iterdir())]
    Path("whole").mkdir()
    Path("whole/table.csv").write_text("".join([*files[0], *files[1][1:], *files[2][1:]]), encoding="utf-8")
    whole = prepared("at once", {**GOOD[name][0], "path": "whole"}, GOOD[name][1])
    assert readable(apart) == readable(whole)


def readable(outs: dict[str, bytes] | str) -> dict[str, object]:
    """What stands in the files that `prepare` leaves behind."""
    assert isinstance(outs, dict)
    return {
        name: pq.read_table(pa.BufferReader(content)).to_pylist() if name.endswith("parquet") else content
        for name, content in outs.items()
    }


def test_problems_of_several_files_are_one_list(place: Path) -> None:
    """A problem that many files have is told once, with its first row and the number of all; in the files' order."""
    told = prepared("bad", *BAD["labels, ids and damage"])
    assert isinstance(told, str)
    rows = [row for path in Path("raw").iterdir() for row in csv.DictReader(path.open(encoding="utf-8"))]
    usable = [row for row in rows if row["text"] and "caf" not in row["text"]]
    count = sum(row["label"] == "c" for row in usable)
    assert f'data.labels: "c" in {count} rows (first: raw/0.csv, line 2) is none of a, b' in told
    assert f"data.id: {len(usable) - 3} rows have an id that stands before them" in told


@pytest.mark.parametrize(("most", "read"), [(10, 40), (50, 80)])
def test_a_label_of_each_row_stops_the_reading(
    place: Path, monkeypatch: pytest.MonkeyPatch, most: int, read: int
) -> None:
    """The files after the one in which labels become too many, or with which, are not read."""
    monkeypatch.setattr(names, "_STOP", most)
    told = prepared("many", {"label": "id"}, {})
    assert isinstance(told, str)
    assert f'data.label: "id" has {read} values, {read} of them once' in told


@needs_dask
@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_a_cluster_prepares_the_same_bytes(
    place: Path, cluster: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Tables, counts, lists and messages are those of one process, and the driver reads no file of the table."""
    data, split = (GOOD | BAD)[name]
    here = prepared("here", data, split)
    assert isinstance(here, str) == (name in BAD), here
    monkeypatch.setenv(engine.VARIABLE, cluster)
    monkeypatch.setattr(pa.ipc, "new_file", None)
    assert prepared("there", data, split) == here
    assert set(map(str, place.iterdir())) >= {str(place / "here"), str(place / "there")}


@needs_dask
def test_a_cluster_writes_the_same_shards(place: Path, cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shards of hashed features have the same names, rows and bytes, and no pile stays behind."""
    table = pa.table({"text": [f"not a lamp, but boat {number}" for number in range(70)]})
    pq.write_table(table, place / "train.parquet")
    monkeypatch.setattr(shards, "_PILE", 20)
    size = {"ngrams": [1, 2], "min_df": 1}
    marks = {"negation_span": 4, "repeat_after_but": True, "max_memory_gib": 1.0}
    params = Ngrammed.model_validate({**marks, "word": size, "char": size})
    found = []
    for folder in (Path("here"), Path("there")):
        folder.mkdir()
        names = shards.write_shards(folder, "train", Path("train.parquet"), params)
        found.append((names, {path.name: path.read_bytes() for path in folder.iterdir()}))
        monkeypatch.setenv(engine.VARIABLE, cluster)
        monkeypatch.setattr(shards, "write_shard", None)
    assert found[0] == found[1]
    assert len(found[0][0]) == 4


@needs_dask
def test_results_come_in_order_and_few_are_asked_for(
    place: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many items no more are under way than twice the threads of the workers."""
    monkeypatch.setenv(engine.VARIABLE, cluster)
    asked: list[int] = []
    results = map_items(abs, (asked.append(number) or -number for number in range(12)))  # type: ignore[func-returns-value]
    assert next(results) == 0
    assert len(asked) <= 5
    assert list(results) == list(range(1, 12))


UNLIKE: dict[str, tuple[str, object]] = {
    ", not 2.7": ("_environment", lambda: {"Python": "2.7"}),
    "does not see /no/such/folder": ("Path", type("Elsewhere", (), {"cwd": lambda: "/no/such/folder"})),
}


@needs_dask
@pytest.mark.parametrize("told", UNLIKE)
def test_a_worker_must_have_the_same_libraries_and_the_same_folder(
    place: Path, cluster: str, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Another version of Python, and a folder that a worker does not see, are named."""
    monkeypatch.setenv(engine.VARIABLE, cluster)
    monkeypatch.setattr(engine, *UNLIKE[told])
    with pytest.raises(VerdictError, match=engine.VARIABLE) as caught:
        list(map_items(abs, [1]))
    assert told in str(caught.value)


DEATHS = {
    "1 / 0": "ended with 1\n",
    "import os; os.kill(os.getpid(), 9)": "ended with -9",
    "import os; os.kill(os.getppid(), 9)": "died",
}


@needs_dask
@pytest.mark.parametrize("code", DEATHS)
def test_what_ends_a_worker_is_told(place: Path, cluster: str, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A defect, a process that is killed, and workers that are killed each end in a message of their own."""
    monkeypatch.setenv(engine.VARIABLE, cluster)
    with pytest.raises(VerdictError, match=engine.VARIABLE) as caught:
        list(map_items(exec, [code]))
    assert DEATHS[code] in str(caught.value)
    assert ("ZeroDivisionError" in str(caught.value)) == (code == "1 / 0")


@needs_dask
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no scheduler listens, the message has the address, and a way out."""
    monkeypatch.setenv(engine.VARIABLE, "tcp://127.0.0.1:1")
    monkeypatch.setattr(engine, "_SECONDS", 0.1)
    with pytest.raises(VerdictError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1"):
        list(map_items(abs, [1]))


def test_without_dask_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is not installed, the message names `make engine`."""
    monkeypatch.setenv(engine.VARIABLE, "tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(VerdictError, match="make engine"):
        list(map_items(abs, [1]))


def test_nobody_imports_dask_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without VERDICT_ENGINE the work is done here, one item after the other, and no library is asked for."""
    monkeypatch.delenv(engine.VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    asked: list[int] = []
    results = map_items(asked.append, [1, 2])
    next(results)
    assert asked == [1]
