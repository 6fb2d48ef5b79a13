"""`verdict data add` and `verdict data get`: a new version of the table, pinned, noted, and to be had elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import RAW, mails, write_csv
from tests.documents import load
from tests.dvc.pipeline.clone import Clone, empty_clone
from tests.dvc.review.edits import ReviewRunner, runner, set_params
from verdict.base.errors import VerdictError
from verdict.init import add

__all__ = ["runner"]
TABLE = f"data/raw/{RAW}"
SET = ("--set", "domain=tweets")


@pytest.fixture
def clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the small table, nothing reproduced."""
    return empty_clone(tmp_path_factory.getbasetemp()).copy(tmp_path / "verdict")


@pytest.fixture
def labelled(tmp_path: Path) -> str:
    """A table of labelled rows, as people who use the model send them back."""
    made = [
        {"text": f"somebody said {n}", "label": ("positive", "negative")[n % 2], "release": "v1"} for n in range(30)
    ]
    write_csv(tmp_path / "rows.csv", made)
    return str(tmp_path / "rows.csv")


def test_rows_become_a_new_version(clone: Clone, labelled: str, runner: ReviewRunner) -> None:
    """The pointer names the table with them, git has a note of their origin and no row, and the DAG takes them."""
    before = (clone.path / TABLE).read_bytes()
    outcome = runner.run(clone, "data", "add", labelled, *SET, "--origin", "letters")
    assert outcome.code == 0, outcome.text
    assert "30 rows added\n  15 × rows.csv / tweets / negative\n" in outcome.text
    assert (clone.path / TABLE).read_bytes().startswith(before)
    (note,) = load(clone.path / add.NOTES)
    assert (note["origin"], note["rows"], note["labels"]) == ("letters", 30, {"negative": 15, "positive": 15})
    clone.run("git", "add", "--all")
    assert clone.run("git", "diff", "--cached", "--name-only").split() == [add.NOTES, f"{TABLE}.dvc"]
    assert "up to date" in clone.run("dvc", "status", f"{TABLE}.dvc")
    clone.run("dvc", "repro", "--quiet", "validate")
    assert not list((clone.path / "data/raw").glob(".added-*"))
    again = runner.run(clone, "data", "add", labelled, *SET)
    assert (again.code, "no new row: nothing was changed\n  left out: 30 ×" in again.text) == (0, True), again.text
    assert len(load(clone.path / add.NOTES)) == 1


def test_what_is_refused_changes_nothing(clone: Clone, labelled: str, runner: ReviewRunner) -> None:
    """Without a column, with a table that was changed or is missing, all stays, and the remedy is said."""
    cases: tuple[tuple[Callable[[Path], object] | None, str], ...] = (
        (None, "--set COLUMN=VALUE"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x,,tweets,y,1\n"), f"dvc add {TABLE}"),
        (lambda path: path.unlink(), "verdict data get"),
    )
    for change, words in cases:
        if change:
            change(clone.path / TABLE)
        found = (clone.path / TABLE).read_bytes() if (clone.path / TABLE).exists() else None
        outcome = runner.run(clone, "data", "add", labelled, *(SET if change else ()))
        assert (outcome.code, words in outcome.text) == (1, True), outcome.text
        assert found == ((clone.path / TABLE).read_bytes() if found else None)
        assert clone.changes() == ""


@pytest.mark.parametrize("folder", [False, True], ids=["a file", "a folder"])
def test_a_failure_of_dvc_is_taken_back(
    clone: Clone, labelled: str, runner: ReviewRunner, folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed `dvc add`, table, pointer and notes are as before."""
    place = clone.path / ("data/parts" if folder else "data/raw")
    if folder:
        place.mkdir()
        (clone.path / TABLE).rename(place / RAW)
        (clone.path / f"{TABLE}.dvc").unlink()
        set_params(clone, "data", path="data/parts")
        clone.run("dvc", "add", "--quiet", "data/parts")
        clone.commit("A folder")
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    def fails(*_: object, **__: object) -> str:
        raise VerdictError("dvc add", "no space left", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(add, "dvc", fails)
        outcome = runner.run(clone, "data", "add", labelled, *SET)
    assert (outcome.code, "no space left" in outcome.text) == (1, True), outcome.text
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert clone.changes() == ""
    assert runner.run(clone, "data", "add", labelled, *SET).code == 0
    names = {path.name for path in place.iterdir()} - set(before)
    assert names == ({"zadded-0001.csv"} if folder else set()), "it must be the last file of the table"


def test_what_a_kill_leaves_behind_is_not_committed(
    clone: Clone, labelled: str, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the new version is made, git sees none of its rows, but their note; what a kill left is noted once."""
    seen: list[tuple[str, int]] = []

    def looks(*_: object, **__: object) -> str:
        seen.append((clone.changes(), len(load(clone.path / add.NOTES))))
        raise VerdictError("dvc add", "was killed", "again")

    with monkeypatch.context() as patch:
        patch.setattr(add, "dvc", looks)
        assert runner.run(clone, "data", "add", labelled, *SET).code == 1
    assert runner.run(clone, "data", "add", labelled, *SET).code == 0
    clone.run("git", "checkout", "--quiet", f"{TABLE}.dvc")
    clone.run("dvc", "checkout", "--quiet", "--force", f"{TABLE}.dvc")
    with monkeypatch.context() as patch:
        patch.setattr(add, "dvc", looks)
        assert runner.run(clone, "data", "add", labelled, *SET).code == 1
    assert seen == [(f"?? {add.NOTES}\n", 1)] * 2


def test_rows_of_an_own_table_are_added_as_well(clone: Clone, tmp_path: Path, runner: ReviewRunner) -> None:
    """Two columns of text and a label, no id, no rating: the same command, and verdict init forgets older notes."""
    write_csv(tmp_path / "mails.csv", mails(400))
    write_csv(tmp_path / "more.csv", [{"subject": "one", "body": "never seen", "label": "spam"}])
    (clone.path / add.NOTES).write_text("[]\n", encoding="utf-8")
    columns = ("--text", "subject", "--text", "body", "--label", "label")
    assert runner.run(clone, "init", str(tmp_path / "mails.csv"), *columns, "--force").code == 0
    assert not (clone.path / add.NOTES).exists()
    outcome = runner.run(clone, "data", "add", str(tmp_path / "more.csv"))
    assert (outcome.code, "mails.csv: 1 rows added" in outcome.text) == (0, True), outcome.text


def test_a_fresh_clone_gets_the_version_that_its_revision_pins(clone: Clone, labelled: str, tmp_path: Path) -> None:
    """After a push `verdict data get` brings the rows; before it the message names every place that was asked."""
    clone.run("dvc", "remote", "add", "--force", "--default", "team", str(tmp_path / "remote"))
    clone.run("verdict", "data", "add", labelled, *SET)
    clone.commit("More rows")
    fresh = Clone(tmp_path / "fresh")
    clone.run("git", "clone", "--quiet", str(clone.path), str(fresh.path))
    lacking = fresh.try_run("verdict", "data", "get", PIP_NO_INDEX="1")
    assert lacking.returncode == 1
    assert [
        word for word in (f"{TABLE}.dvc", "nor on the remote", "nor from its source") if word not in lacking.stdout
    ] == []
    assert not (fresh.path / TABLE).exists()
    clone.run("dvc", "push", "--quiet")
    assert f"complete: {TABLE}" in fresh.run("verdict", "data", "get")
    assert (fresh.path / TABLE).read_bytes() == (clone.path / TABLE).read_bytes()
    fresh.run("dvc", "repro", "--quiet", "validate")
    (fresh.path / TABLE).unlink()
    (fresh.path / TABLE).write_text("mine\n", encoding="utf-8")
    kept = fresh.try_run("verdict", "data", "get")
    assert (kept.returncode, "was changed here" in kept.stdout) == (1, True)
    assert (fresh.path / TABLE).read_text(encoding="utf-8") == "mine\n"
