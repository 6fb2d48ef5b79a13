"""Values that YAML 1.1 and 1.2 read differently, from `dvc exp run -S` to the lock, its record and a remote."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests import documents
from tests.dvc.review.test_lock import run as ran
from verdict.repo import remote, repro
from verdict.repo.lock import check
from verdict.repo.lock.lockfile import record_hash
from verdict.repo.remote import state
from verdict.repo.revisions import working_tree

PARAMS = """\
rate: 0.1
plain: 1e-05
text: '1e-05'
switch: on
octal: 012
other_octal: 0o14
large: 1_000
time: 1:30
big: 1e5
signed: +1
nothing: ~
endless: .inf
group: {no: yes, =: "=", "<<": "012"}
list: [1e-3, n, 0b11]
"""
READ = {
    "rate": 3e-05,
    "plain": 1e-05,
    "text": "1e-05",
    "switch": "on",
    "octal": 12,
    "other_octal": 12,
    "large": 1000,
    "time": "1:30",
    "big": 100000.0,
    "signed": 1,
    "nothing": None,
    "endless": float("inf"),
    "group": {"no": "yes", "=": "=", "<<": "012"},
    "list": [0.001, "n", 3],
}
DVC_YAML = {"stages": {"copy": {"cmd": "cp params.yaml out.txt", "params": list(READ), "outs": ["out.txt"]}}}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of one stage, which `dvc exp run -S rate=3e-5` ran, with a folder as its remote."""
    folder = tmp_path_factory.mktemp("numbers") / "repository"
    folder.mkdir()
    ran(folder, "git", "init", "--quiet")
    ran(folder, "dvc", "init", "--quiet")
    ran(folder, "dvc", "remote", "add", "--quiet", "--default", "storage", str(folder.parent / "storage"))
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    documents.save(folder / "dvc.yaml", DVC_YAML)
    ran(folder, "git", "add", "--all")
    ran(folder, "git", "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--message", "One")
    ran(folder, "dvc", "exp", "run", "--quiet", "-S", "rate=3e-5")
    return folder


def test_what_dvc_calls_unchanged_is_consistent_and_came_out_of_a_run(repository: Path) -> None:
    """If DVC has nothing to run, the lock has no finding, and the run-cache has its entries by name."""
    assert documents.load(repository / "params.yaml") == READ
    assert dvc_status(repository) == {}
    assert check.check(repository) == []
    assert check.check(repository, ran=True) == []


def test_a_sound_record_is_not_damaged(repository: Path) -> None:
    """A push is complete, and each record on the remote matches its name."""
    assert remote.push(repository) == []
    assert state.check(repository, verify=True) == []


def test_a_run_is_found_by_its_entry(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report knows how the entry of the lock came about."""
    monkeypatch.chdir(repository)
    repro.reproduce(repository, force=True)
    entry = working_tree(repository).stages["copy"]
    assert repro.read_records(repository)[record_hash(entry)]["stage"] == "copy"


def test_a_change_of_such_a_value_is_found(repository: Path, tmp_path: Path) -> None:
    """Each value that means something else is one finding, and the text of a number is something else than it."""
    tree = tmp_path / "tree"
    shutil.copytree(repository, tree)
    for old, new in (("3e-05", "3e-04"), ("plain: 1e-05", "plain: '1e-05'"), ("switch: on", "switch: true")):
        text = (tree / "params.yaml").read_text(encoding="utf-8")
        assert old in text
        (tree / "params.yaml").write_text(text.replace(old, new), encoding="utf-8")
    assert sorted(finding.where for finding in check.check(tree)) == [
        f"params.yaml, {key}" for key in ("plain", "rate", "switch")
    ]


def test_a_date_is_a_finding(repository: Path, tmp_path: Path) -> None:
    """DVC takes no date as a param: the key is named, instead of a traceback."""
    tree = tmp_path / "tree"
    shutil.copytree(repository, tree)
    text = (tree / "params.yaml").read_text(encoding="utf-8")
    (tree / "params.yaml").write_text(text.replace("switch: on", "switch: 2026-01-02"), encoding="utf-8")
    (finding,) = check.check(tree)
    assert "type 'date'" in finding.what
    assert "params.yaml:switch" in finding.what


def dvc_status(folder: Path) -> dict[str, object]:
    """The stages that DVC would run again."""
    with Repo(str(folder)) as repo:
        return dict(repo.status())
