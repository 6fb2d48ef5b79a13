"""`python -I -m review repro` runs each stage with its declared dependencies alone, whatever way a command tries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.errors import VerdictError
from review import landlock
from review.lock import check
from review.run import StageError, reproduce
from tests.documents import save

SPLIT = "python -c \"[open(f'data/{name}.txt', 'w').write(name) for name in ('training', 'held-out')]\""
HONEST = "python -c \"text = open('data/training.txt').read(); open('model.txt', 'w').write(text)\""
needs_landlock = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")


def run(folder: Path, *command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


def define(root: Path, command: str, **train: object) -> None:
    """Write dvc.yaml with `split`, and `train` as given."""
    stages = {
        "split": {"cmd": SPLIT, "deps": ["raw.txt"], "outs": ["data/training.txt", "data/held-out.txt"]},
        "train": {"cmd": command, "deps": ["data/training.txt"], "outs": ["model.txt"], **train},
    }
    save(root / "dvc.yaml", {"stages": stages})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, in a folder with a blank and a quote in its name, that a stage has never been run in."""
    root = tmp_path / "it's here"
    (root / "data").mkdir(parents=True)
    run(root, "git", "init", "--quiet")
    run(root, sys.executable, "-m", "dvc", "init", "--quiet")
    (root / "raw.txt").write_text("raw", encoding="utf-8")
    (root / "secret.py").write_text("VALUE = 'not declared'\n", encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return root


def test_a_stage_finds_its_dependencies_and_its_outputs_come_back(root: Path) -> None:
    """What is declared can be read, what is written lies where it belongs, and no trace of the way stays."""
    define(root, HONEST)
    before = dict(os.environ)
    reproduce(root)
    assert (root / "model.txt").read_text(encoding="utf-8") == "training"
    assert not (root / ".dvc/tmp/stages").exists()
    assert dict(os.environ) == before


ATTACKS = {
    "by its name": "cat data/held-out.txt > model.txt",
    "by os.open": "python -c \"import os; os.open('data/held-out.txt', os.O_RDONLY)\"",
    "by its whole path": 'cat "$DVC_ROOT/data/held-out.txt" > model.txt',
    "by pyarrow": 'python -c "import os, pyarrow.fs as f; f.LocalFileSystem()'
    ".open_input_file(os.environ['DVC_ROOT'] + '/data/held-out.txt').read()\"",
    "by a subprocess": 'python -c "import os, subprocess;'
    " subprocess.run(['cat', os.environ['DVC_ROOT'] + '/data/held-out.txt'], check=True)\"",
    "by a hard link": 'ln "$DVC_ROOT/data/held-out.txt" model.txt',
    "by a symbolic link": 'ln -s "$DVC_ROOT/data/held-out.txt" link && cat link > model.txt',
    "by moving it": 'cd "$DVC_ROOT/data" && mv held-out.txt training.txt && cp training.txt "$OLDPWD/model.txt"',
    "by the parent's root": 'cat "/proc/$PPID/root$DVC_ROOT/data/held-out.txt" > model.txt',
    "by dvc get": 'python -m dvc get "$DVC_ROOT" data/held-out.txt --out model.txt',
    "by the cache": 'cat "$DVC_ROOT"/.dvc/cache/files/md5/*/* > model.txt',
    "code by import": "python -c \"import sys, os; sys.path.append(os.environ['DVC_ROOT']); import secret\"",
}


@needs_landlock
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_undeclared_can_be_read(root: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A command that reads what its stage does not declare fails, by whichever way it goes."""
    define(root, ATTACKS[name])
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    errors = capfd.readouterr().err
    assert any(word in errors for word in ("denied", "No such file", "cross-device", "not found", "PermissionError"))


def test_a_relative_path_finds_nothing_where_the_kernel_has_no_landlock(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without Landlock the folder still holds the dependencies alone, and it is said that this is all."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    define(root, ATTACKS["by its name"])
    with pytest.raises(StageError, match="train"):
        reproduce(root)
    assert "no Landlock" in capfd.readouterr().err


def test_what_a_failing_command_wrote_is_kept_for_its_author(root: Path) -> None:
    """A file that a stage writes before it fails, such as a list of violations, lies in the repository afterwards."""
    define(root, "echo three rows > violations.txt; exit 3")
    with pytest.raises(StageError):
        reproduce(root)
    assert (root / "violations.txt").read_text(encoding="utf-8") == "three rows\n"


def test_a_stage_reads_back_what_it_writes(root: Path) -> None:
    """An output can be read again by the command that wrote it."""
    command = "cat data/training.txt > model.txt && cat model.txt model.txt > log.txt"
    define(root, command, outs=["model.txt", "log.txt"])
    reproduce(root)
    assert (root / "log.txt").read_text(encoding="utf-8") == "trainingtraining"


def test_folders_and_working_folders_are_laid_out_as_they_are(root: Path) -> None:
    """A dependency that is a folder comes whole, and a stage with `wdir` runs in that folder."""
    (root / "code/deep").mkdir(parents=True)
    (root / "code/deep/words.txt").write_text("deep", encoding="utf-8")
    command = "cat deep/words.txt ../data/training.txt > model.txt"
    define(root, command, wdir="code", deps=["deep", "../data/training.txt"])
    reproduce(root)
    assert (root / "code/model.txt").read_text(encoding="utf-8") == "deeptraining"


@pytest.mark.parametrize(
    ("stage", "path"),
    [("train", "data/prepared/test.parquet"), ("train", "data/prepared"), ("train", "data"), ("featurize", "data/raw")],
)
def test_no_stage_may_declare_what_it_must_not_see(root: Path, stage: str, path: str) -> None:
    """The test split is for validate and evaluate, the raw data for prepare: lock names it, and nothing is run."""
    for folder in ("data/prepared", "data/raw"):
        (root / folder).mkdir(parents=True)
        (root / folder / "test.parquet").touch()
    (root / "code.py").touch()
    stages = {name: {"cmd": f"touch {name}", "deps": ["code.py"], "outs": [name]} for name in ("validate", stage)}
    stages[stage]["deps"] = [path]
    save(root / "dvc.yaml", {"stages": stages})
    with pytest.raises(VerdictError, match=f"{stage}: {path}: shows data/(prepared/test.parquet|raw), which only"):
        reproduce(root)
    assert not (root / "validate").exists()
    assert (stage, path) in {(finding.stage, finding.where) for finding in check(root)}


def test_those_who_may_see_it_do(root: Path) -> None:
    """Validate and evaluate read the test split."""
    (root / "data/prepared").mkdir()
    (root / "data/prepared/test.parquet").write_text("held out", encoding="utf-8")
    stage = {"cmd": "cat data/prepared/test.parquet > seen", "deps": ["data/prepared/test.parquet"], "outs": ["seen"]}
    save(root / "dvc.yaml", {"stages": {"evaluate": stage}})
    reproduce(root)
    assert (root / "seen").read_text(encoding="utf-8") == "held out"
