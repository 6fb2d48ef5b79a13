"""Main's code makes the tables of a change's raw data, in any place and format, within limits."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.documents import load, save
from verdict.base.errors import VerdictError
from verdict.repo.lock.contents import hash_of
from verdict.repo.revisions import Revision, Store
from verdict.review import derive

PREPARE = """
import json, pathlib, sys, yaml
data = yaml.safe_load(pathlib.Path("params.yaml").read_text())["data"]
path = pathlib.Path(data["path"])
files = sorted(path.iterdir()) if path.is_dir() else [path]
folder = pathlib.Path("data/prepared")
folder.mkdir(parents=True, exist_ok=True)
text = "".join(file.read_text() for file in files)
if "bad" in text:
    sys.exit("error: a bad row")
if "long" in text:
    import time
    time.sleep(60)
if "large" in text:
    bytearray(10**13)
(folder / "dropped.json").write_text(json.dumps([data, text]))
"""
VALIDATE = """
import pathlib
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/data.json").write_text(pathlib.Path("data/prepared/dropped.json").read_text())
"""


def run(folder: Path, *command: str) -> str:
    """A command that must succeed."""
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose main has two stages of a few lines, and a table."""
    folder = tmp_path / "project"
    (folder / "stages").mkdir(parents=True)
    (folder / "metrics").mkdir()
    for name, text in {"__init__": "", "prepare": PREPARE, "validate": VALIDATE}.items():
        (folder / f"stages/{name}.py").write_text(text, encoding="utf-8")
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    run(folder, "git", "config", "user.name", "test")
    run(folder, "git", "config", "user.email", "test@localhost")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").touch()
    put(folder, "data/raw/a.csv", "one\n")
    made_by(folder, "one\n", "data/raw/a.csv")
    commit(folder)
    return folder


def put(folder: Path, path: str, text: str) -> None:
    """A table at a place, tracked by DVC, that params.yaml names."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).unlink(missing_ok=True)
    (folder / path).write_text(text, encoding="utf-8")
    track(folder, path)
    save(folder / "params.yaml", {"data": {"path": path}, "split": {"test": 0.2}, "train": {"seed": 1}})


def track(folder: Path, path: str) -> None:
    """Write the pointer to a file or folder that `dvc add` would write; its content stays where it is."""
    out = {"md5": hash_of(folder / path), "hash": "md5", "path": Path(path).name}
    save(folder / f"{path}.dvc", {"outs": [out]})


def made_by(folder: Path, text: str, path: str) -> None:
    """A dvc.lock and files as main's stages would leave them for this text."""
    (folder / "data/prepared").mkdir(parents=True, exist_ok=True)
    for name in ("data/prepared/dropped.json", "metrics/data.json"):
        (folder / name).write_text(json.dumps([{"path": path}, text]), encoding="utf-8")
    outs = [{"path": name, "md5": hash_of(folder / name)} for name in ("data/prepared/dropped.json", derive.SUMMARY)]
    save(folder / "dvc.lock", {"schema": "2.0", "stages": {"prepare": {"cmd": "x", "outs": outs}}})


def commit(folder: Path) -> None:
    """All that git does not ignore."""
    (folder / ".gitignore").write_text("/data/prepared\n*.csv\n", encoding="utf-8")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "x")


@pytest.fixture
def told(root: Path) -> Iterator[Callable[[], derive.Derived]]:
    """The result of deriving for the working tree, compared with main."""
    main = Revision(root, "main", run(root, "git", "rev-parse", "HEAD").strip())
    with Store(root) as store:
        yield lambda: derive.compare_with_derived(store, main, Revision(root, "the change", None))


Told = Callable[[], derive.Derived]


@pytest.mark.parametrize("path", ["data/raw/a.csv", "data/b.jsonl", "data/raw/2026/c.parquet"])
def test_a_change_may_bring_its_data_anywhere_below_data(root: Path, told: Told, path: str) -> None:
    """Main's code reads them there; tables that it makes pass, and others are named."""
    put(root, path, "two\n")
    made_by(root, "two\n", path)
    assert told() == derive.Derived([], "main's code derives them from the change's raw data")
    made_by(root, "three\n", path)
    assert told().differences == ["dropped.json: other content", "data.json: other content"]


def test_a_folder_of_tables_is_read_whole(root: Path, told: Told) -> None:
    """The pointer tracks the folder; params.yaml names it, or one file of it."""
    for name in ("x.csv", "y.csv"):
        put(root, f"data/many/{name}", f"{name}\n")
        (root / f"data/many/{name}.dvc").unlink()
    track(root, "data/many")
    for path, text in (("data/many", "x.csv\ny.csv\n"), ("data/many/y.csv", "y.csv\n")):
        save(root / "params.yaml", {**load(root / "params.yaml"), "data": {"path": path}})
        made_by(root, text, path)
        assert told().differences == [], path


def test_where_data_and_settings_are_mains_nothing_runs(
    root: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another param of the training is none of these; a group of the data is."""
    monkeypatch.setattr(derive, "_run_stage", lambda *_: pytest.fail("it ran"))
    save(root / "params.yaml", {**load(root / "params.yaml"), "train": {"seed": 2}})
    assert told() == derive.Derived([], "the raw data and settings are main's")
    save(root / "params.yaml", {**load(root / "params.yaml"), "split": {"test": 0.3}})
    with pytest.raises(pytest.fail.Exception):
        told()


def test_what_mains_code_refuses_is_told(root: Path, told: Told) -> None:
    """With its own words."""
    put(root, "data/raw/a.csv", "bad\n")
    assert told().differences[0] == "main's stage prepare refuses them: error: a bad row"


def test_data_that_take_too_long_are_refused(root: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit of time the stage is ended."""
    monkeypatch.setattr(derive, "_MOST_SECONDS", 3)
    put(root, "data/raw/a.csv", "long\n")
    assert told().differences[0] == "main's stage prepare refuses them: not done after 3 s"


def test_data_that_take_too_much_memory_are_refused(root: Path, told: Told) -> None:
    """A table that becomes a terabyte does not take the machine down with it."""
    put(root, "data/raw/a.csv", "large\n")
    assert "main's stage prepare refuses them: " in told().differences[0]
    assert "MemoryError" in told().differences[0]


@pytest.mark.parametrize("path", ["data/test-set.txt", "data/notes/a.csv"])
def test_data_take_the_place_of_no_file_of_mains(root: Path, path: str) -> None:
    """A pointer to what main keeps in git, or to below a link of main's, is refused."""
    (root / "data/test-set.txt").write_text("one\n", encoding="utf-8")
    (root / "data/notes").symlink_to("/tmp")  # noqa: S108 - never followed
    commit(root)
    main = Revision(root, "main", run(root, "git", "rev-parse", "HEAD").strip())
    (root / "data/notes").unlink()
    run(root, "git", "rm", "--quiet", "--cached", "data/test-set.txt")
    put(root, path, "two\n")
    with Store(root) as store, pytest.raises(VerdictError, match="main has a file where it puts data"):
        derive.compare_with_derived(store, main, Revision(root, "the change", None))
