"""No stray file is imported as a library: at the root, above it, in PYTHONPATH or among a user's packages."""

import sysconfig
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.warm import first, interpreter

pytestmark = pytest.mark.slow

# Optional libraries of pandas, required ones, one of Python's own, what Python runs by itself, and a package.
_OPTIONAL = ("bottleneck", "numexpr", "sitecustomize", "usercustomize")
_REQUIRED = ("torch", "numpy", "json", "pathlib", "pandas/__init__")


def plant(folder: Path, notes: Path, *names: str) -> None:
    """Put modules and a .pth into a folder that note which program imports them."""
    (folder / "pandas").mkdir(parents=True)
    note = f"import sys; open({str(notes)!r}, 'a').write(' '.join(sys.orig_argv) + ' imports ' + __name__ + '\\n')"
    for name in names:
        (folder / f"{name}.py").write_text(f"{note}\n", encoding="utf-8")
    (folder / "planted.pth").write_text(f"import sys; open({str(notes)!r}, 'a').write('a .pth\\n')\n", encoding="utf-8")


@pytest.fixture
def clone(finished: Clone, tmp_path: Path) -> Clone:
    """A clone in which validate, which reads tables, has to run, with such files wherever they could matter."""
    made = finished.copy(tmp_path / "above" / "verdict")
    document = made.params()
    document["validate"]["min_class_rows"] = 1
    made.write_params(document)
    user = tmp_path / "user" / Path(sysconfig.get_path("purelib", "posix_user", {"userbase": "."}))
    for folder in (made.path, made.path.parent, user):
        plant(folder, tmp_path / "notes", *_OPTIONAL, *_REQUIRED)
    return made


def notes(clone: Clone) -> str:
    """The planted modules that were imported."""
    file = clone.path.parent.parent / "notes"
    return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.mark.parametrize(
    ("command", "ran"),
    [
        ("dvc repro validate", "Running stage 'validate'"),
        ("verdict repro", "Running stage 'validate'"),
        ("verdict gate --base main", "lock"),
        ("verdict scores", "overall"),
        ("verdict sweep points sweeps/linear.yaml", "linear-"),
        # Careless: without -I.
        ("python -m verdict lock", "params.yaml"),
        ("python -m verdict doctor", "torch"),
        ("python -m verdict sweep points sweeps/linear.yaml", "linear-"),
    ],
)
def test_no_planted_file_is_imported(clone: Clone, tmp_path: Path, command: str, ran: str) -> None:
    """Stages under DVC and `verdict repro`, the gate, and programs started without -I import none."""
    done = clone.try_run(*command.split(), PYTHONUSERBASE=str(tmp_path / "user"))
    assert ran in done.stdout
    assert notes(clone) == ""


def test_an_accelerator_that_happens_to_be_installed_is_not_used(clone: Clone, tmp_path: Path) -> None:
    """Libraries that pandas and torch would calculate with, if they found them, stay out of the stages."""
    note = f"open({str(tmp_path / 'notes')!r}, 'a').write(__name__); __version__ = '99'"
    python = interpreter(tmp_path / "own", **dict.fromkeys(("bottleneck", "numexpr", "opt_einsum"), note))
    assert clone.run(str(python), "-I", "-c", "import bottleneck") == ""
    assert notes(clone) == "bottleneck"
    (tmp_path / "notes").unlink()
    done = clone.try_run("dvc", "repro", "validate", PATH=first(python))
    assert "Running stage 'validate'" in done.stdout
    assert notes(clone) == ""


@pytest.mark.parametrize("command", ["verdict repro", "python -m verdict repro", "dvc repro validate"])
def test_pythonpath_reaches_no_stage_and_no_program_of_ours(clone: Clone, tmp_path: Path, command: str) -> None:
    """Of all programs, only DVC's own, started without -I, may import from PYTHONPATH."""
    plant(tmp_path / "named", tmp_path / "notes", *_OPTIONAL)
    done = clone.try_run(*command.split(), PYTHONPATH=str(tmp_path / "named"))
    assert "Running stage 'validate'" in done.stdout, done.stdout
    assert not [line for line in notes(clone).splitlines() if "stages." in line or " -I " in line]
