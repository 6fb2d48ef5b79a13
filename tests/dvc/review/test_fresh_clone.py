"""A fresh clone without cache and remote works as documented; failures of DVC are reported with their reason."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.documents import load
from tests.dvc.pipeline.clone import Clone, environment
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner
from verdict.base.errors import VerdictError
from verdict.repo import repro
from verdict.repo.lock.check import check
from verdict.repo.lock.lockfile import record_path
from verdict.repo.remote import push
from verdict.repo.revisions import Store, resolve
from verdict.review.command import reproduce

runner = edits.runner

DVC_YAML = """
stages:
  clean:
    cmd: python clean.py
    deps: [clean.py, data/raw.txt, other.csv]
    outs: [cleaned]
  count:
    cmd: python count.py
    deps: [cleaned, count.py]
    metrics:
      - count.json: {cache: false}
"""
CLEAN = """
import pathlib
pathlib.Path("cleaned").mkdir()
texts = [pathlib.Path(name).read_text() for name in ("data/raw.txt", "other.csv")]
pathlib.Path("cleaned/text").write_text("".join(texts))
"""
COUNT = """
import pathlib
pathlib.Path("count.json").write_text('{"n": %d}' % len(pathlib.Path("cleaned/text").read_text()))
"""
FILES = {"dvc.yaml": DVC_YAML, "clean.py": CLEAN, "count.py": COUNT, "data/raw.txt": "raw\n", "other.csv": "a,b\n"}
DATA = ("data/raw.txt", "other.csv")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A committed repository whose two stages were run, with two pointers, and the embedded folder as its remote."""
    clone = Clone(tmp_path_factory.mktemp("original") / "verdict")
    for name, text in FILES.items():
        (clone.path / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.path / name).write_text(text, encoding="utf-8")
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.run("dvc", "init", "--quiet")
    clone.run("dvc", "remote", "add", "--default", "local", ".remote")
    clone.run("dvc", "add", "--quiet", *DATA)
    (clone.path / ".gitignore").open("a", encoding="utf-8").write("/.remote\n/cleaned\n")
    clone.run("dvc", "repro")
    clone.commit("Reproduced")
    return clone


@pytest.fixture
def fresh(original: Clone, tmp_path: Path, runner: ReviewRunner) -> Iterator[Clone]:
    """A fresh git clone with the data in the working tree, as data/fetch.py leaves it, and not in a cache."""
    original.run("git", "clone", "--quiet", str(original.path), str(tmp_path / "fresh"))
    for name in DATA:
        shutil.copyfile(original.path / name, tmp_path / "fresh" / name)
    clone = Clone(tmp_path / "fresh")
    with runner.at(clone):
        yield clone


@pytest.fixture
def used(original: Clone, tmp_path: Path, runner: ReviewRunner) -> Iterator[Clone]:
    """A copy of the repository, with its cache, to damage."""
    clone = original.copy(tmp_path / "used")
    with runner.at(clone):
        yield clone


def test_after_a_repro_every_entry_ran_and_all_can_be_pushed(fresh: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    """In a fresh clone the stage that DVC skips, as git has its outputs, runs, too; once, and never again."""
    repro.reproduce(fresh.path)
    assert "Running stage 'count'" in "".join(capsys.readouterr())
    assert check(fresh.path, ran=True) == []
    assert push(fresh.path) == []
    assert fresh.changes() == ""
    repro.reproduce(fresh.path)
    assert "Running stage" not in (told := "".join(capsys.readouterr()))
    assert "Data and pipelines are up to date." in told


def test_a_plain_repro_lacks_no_object_but_one_run(fresh: Clone) -> None:
    """After DVC's own repro all can be pushed; a stage that never ran is reported with the command that runs it."""
    fresh.run("dvc", "repro")
    assert push(fresh.path) == []
    (finding,) = check(fresh.path, ran=True)
    assert (finding.stage, finding.mend.split(" or ")[-1]) == ("count", "verdict repro")
    repro.reproduce(fresh.path)
    assert check(fresh.path, ran=True) == []


def test_a_stage_of_which_dvc_keeps_no_record_is_told_as_such(used: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    """A plain output outside DVC's cache leaves no record: no run is repeated for it, and nothing can be missing."""
    text = DVC_YAML.replace("    metrics:\n", "    outs:\n")
    (used.path / "dvc.yaml").write_text(text, encoding="utf-8")
    used.run("dvc", "repro", "--force")
    repro.reproduce(used.path)
    assert "Running stage" not in "".join(capsys.readouterr())
    assert push(used.path) == []
    (finding,) = check(used.path, ran=True)
    assert (finding.stage, finding.where) == ("count", "dvc.yaml")


def lose(clone: Clone, name: str) -> None:
    """Take a file of data out of the working tree."""
    (clone.path / name).unlink()


def to_remote(clone: Clone, original: Clone) -> None:
    """The data is on the clone's own remote alone."""
    shutil.copytree(original.path / ".dvc/cache/files", clone.path / ".remote/files")
    for name in DATA:
        lose(clone, name)


@pytest.mark.parametrize("where", ["in the working tree", "on the remote"])
def test_a_base_is_reproduced_from_data_that_lies_anywhere_here(fresh: Clone, original: Clone, where: str) -> None:
    """Main is run with the data of any pointer, from the working tree or the remote, though no cache has it."""
    if where == "on the remote":
        to_remote(fresh, original)
    with Store(fresh.path) as store:
        main = reproduce(store, resolve(fresh.path, "HEAD"))
    assert main.outputs == resolve(fresh.path, "HEAD").outputs
    assert fresh.run("git", "worktree", "list").count("\n") == 1


@pytest.mark.parametrize("change", [lose, lambda clone, name: (clone.path / name).write_text("other\n")])
def test_data_that_is_nowhere_is_named(fresh: Clone, change: Callable[[Clone, str], object]) -> None:
    """If a pointer's data is missing or has other bytes, the file is named, and the remedy works."""
    change(fresh, "other.csv")
    with Store(fresh.path) as store, pytest.raises(VerdictError, match=r"which other\.csv\.dvc names") as caught:
        reproduce(store, resolve(fresh.path, "HEAD"))
    assert caught.value.where == "other.csv of HEAD"
    (fresh.path / "other.csv").write_text(FILES["other.csv"], encoding="utf-8")
    with Store(fresh.path) as store:
        reproduce(store, resolve(fresh.path, "HEAD"))


def test_a_base_is_reproduced_before_there_is_a_cache(fresh: Clone) -> None:
    """Nothing need have been run or fetched here: the cache begins with what the base's stages write."""
    for name in DATA:
        fresh.run("git", "rm", "--quiet", f"{name}.dvc")
        fresh.run("git", "add", "--force", name)
    fresh.commit("The data in git")
    assert not (fresh.path / ".dvc/cache").exists()
    with Store(fresh.path) as store:
        main = reproduce(store, resolve(fresh.path, "HEAD"))
    assert main.outputs == resolve(fresh.path, "HEAD").outputs


def test_a_base_whose_stage_fails_says_why(used: Clone) -> None:
    """The message has the stage's output of both streams, and DVC's own reason."""
    text = "import sys\nprint('words on one')\nsys.exit('words on the other')\n"
    (used.path / "count.py").write_text(text, encoding="utf-8")
    used.commit("Broken")
    with Store(used.path) as store, pytest.raises(VerdictError) as caught:
        reproduce(store, resolve(used.path, "HEAD"))
    assert caught.value.where == "dvc repro of HEAD"
    for words in ("words on one", "words on the other", "failed to reproduce 'count'"):
        assert words in caught.value.what


@pytest.mark.parametrize("side", ["HEAD", "the working tree"])
def test_a_base_is_no_defect_of_ours_where_dvc_cannot_read_a_side(fresh: Clone, side: str) -> None:
    """A broken dvc.yaml of main is reported as such; one of the working tree, too, if its data is needed."""
    (fresh.path / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    if side == "HEAD":
        fresh.commit("Broken")
    with Store(fresh.path) as store, pytest.raises(VerdictError) as caught:
        reproduce(store, resolve(fresh.path, "HEAD"))
    assert caught.value.where.endswith("of HEAD")
    assert "dvc.yaml" in caught.value.what


BROKEN = {
    "dvc.yaml": ("dvc.yaml", "stages: [", "dvc.yaml"),
    "a pointer": ("other.csv.dvc", "outs: [", "other.csv.dvc"),
    "no such stage key": ("dvc.yaml", DVC_YAML.replace("cmd: python count.py", "comd: x"), "comd"),
    "an empty lock": ("dvc.lock", "", "dvc.lock"),
    "a merge's marks": ("dvc.lock", "<<<<<<< HEAD\nschema: '2.0'\n=======\n", "dvc.lock"),
    "the configuration": (".dvc/config", "[core\n", "config file"),
    "a stage that ends badly": ("count.py", "raise SystemExit(7)", "python count.py, exited with 7"),
    "a stage that writes nothing": ("count.py", "", "output 'count.json' does not exist"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_reason_is_empty(used: Clone, name: str) -> None:
    """Every failure of DVC is reported with a reason, and never as a bug of Verdict."""
    path, text, words = BROKEN[name]
    (used.path / path).write_text(text, encoding="utf-8")
    with pytest.raises(VerdictError) as caught:
        repro.reproduce(used.path)
    assert words in caught.value.what
    assert caught.value.remedy


def record(clone: Clone, stage: str) -> Path:
    """The record of a stage's run."""
    entry = load(clone.lock())["stages"][stage]
    return clone.path / ".dvc/cache/runs" / record_path(entry)


def cut(path: Path, text: bytes | None = None) -> None:
    """Cut a record off before its outputs, or replace a file."""
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().partition(b"outs:")[0] if text is None else text)


def emptied(clone: Clone) -> None:
    """A folder for records that was made, and then came the crash."""
    record(clone, "count").unlink()


def half_written(clone: Clone) -> None:
    """Beside the record a newer one, which was being written."""
    path = record(clone, "count")
    path.with_name(".half.tmp").write_bytes(path.read_bytes().partition(b"outs:")[0])


def listing(clone: Clone) -> None:
    """A directory's listing that is JSON, and no listing."""
    (found,) = clone.path.glob(".dvc/cache/files/md5/*/*.dir")
    cut(found, b"[1]")
    shutil.rmtree(clone.path / "cleaned")


def forgotten_hashes(clone: Clone) -> None:
    """DVC's memory of hashes, written over."""
    clone.run("dvc", "status")  # so that it remembers some of this very folder
    for path in Path(environment(clone.path)["DVC_SITE_CACHE_DIR"]).rglob("cache.db"):
        path.write_bytes(b"no database" * 100)


HARMS: dict[str, Callable[[Clone], object]] = {
    "a record in half": lambda clone: cut(record(clone, "count")),
    "a record of other bytes": lambda clone: cut(record(clone, "count"), b"\xff\xfe\x00"),
    "no record in its folder": emptied,
    "a record that was being written": half_written,
    "a listing": listing,
    "who works on what": lambda clone: (clone.path / ".dvc/tmp/rwlock").write_bytes(b"{"),
    "hashes": forgotten_hashes,
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_a_crash_left_is_named_and_set_aside(used: Clone, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    """A half-written file in DVC's folders does not stop a repro: it is named, and the same results come out."""
    lock, results = used.lock(), used.results()
    HARMS[harm](used)
    if harm != "listing":
        (used.path / "dvc.lock").unlink()  # so that DVC looks for earlier runs
    repro.reproduce(used.path)
    assert "was damaged" in capsys.readouterr().err
    assert load(used.lock()) == load(lock)
    assert used.results() == results


def test_a_full_or_locked_database_is_not_thrown_away(used: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is full or locked is kept."""

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("dvc_data.hashfile.state.State.__init__", full)
    with pytest.raises(sqlite3.OperationalError):
        repro.reproduce(used.path)
