"""Set-up installs a finder for the packages of the current folder, and nothing else."""

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

INSTALL = ROOT / "install"


def python(*arguments: str, folder: Path = ROOT, **variables: str) -> str:
    """Run this Python; return its output, both streams in one."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.stdout


def found(name: str, folder: Path) -> str:
    """The place where an isolated Python in a folder finds a package, or None."""
    program = f"from importlib.util import find_spec; found = find_spec({name!r}); print(found and found.origin)"
    return python("-I", "-c", program, folder=folder).strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with packages and modules of all sorts."""
    for name in ("stages", "verdict", "tests", "bottleneck", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "numexpr.py").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["stages", "verdict"])
def test_a_package_is_that_of_the_current_folder(project: Path, name: str) -> None:
    """Each clone runs its own code; in a folder that has no such package, and in one below, there is none."""
    assert found(name, project) == str(project / name / "__init__.py")
    assert found(name, ROOT) == str(ROOT / name / "__init__.py")
    (project / name / "__init__.py").unlink()
    assert found(name, project) == "None"
    assert found(name, project / "tests") == "None"


@pytest.mark.parametrize("name", ["tests", "bottleneck", "numexpr"])
def test_nothing_else_is_found_there(project: Path, name: str) -> None:
    """Other packages and modules of the folder are files like any other."""
    assert found(name, project) == "None"
    assert Path(found("json", project)).is_relative_to(sysconfig.get_path("stdlib"))


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    """A program whose current folder was removed finds no package, and goes on."""
    program = "import os; os.rmdir(os.getcwd())\ntry: import stages\nexcept ModuleNotFoundError: print('none')"
    (tmp_path / "gone").mkdir()
    assert python("-I", "-c", program, folder=tmp_path / "gone") == "none\n"


def test_the_program_says_which_folder_it_needs(tmp_path: Path) -> None:
    """Below a project `verdict` names the project's root; elsewhere it says what to look for; neither runs anything."""
    program = f"import sys; sys.path.append({str(INSTALL)!r}); import verdict_finder; verdict_finder.main()"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, check=False).returncode == 2
    remedy = "cd to the root of the project, where dvc.yaml lies"
    message = python("-I", "-S", "-c", program, folder=tmp_path)
    assert message == f"error: {tmp_path}: not the root of the project\n  remedy: {remedy}\n"
    below = tmp_path / "my project" / "docs"
    below.mkdir(parents=True)
    (below.parent / "verdict").mkdir()
    (below.parent / "verdict" / "__main__.py").touch()
    assert python("-I", "-S", "-c", program, folder=below).endswith(f"  remedy: cd '{below.parent}'\n")


def test_it_imports_nothing_when_python_starts() -> None:
    """Every start of Python in this environment runs it, so it brings no other module in."""
    program = "import os, sys; sys.path.append('install'); old = {*sys.modules}; import verdict_finder; "
    assert python("-I", "-S", "-c", f"{program}print({{*sys.modules}} - old)") == "{'verdict_finder'}\n"


def test_pip_installs_it_without_a_network(tmp_path: Path) -> None:
    """Its backend needs nothing, a module and the line that imports it come of it, and this environment has that."""
    assert tomllib.loads((INSTALL / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"] == []
    options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--target", str(tmp_path))
    message = python("-m", "pip", "install", *options, "./install")
    assert message == ""
    assert (tmp_path / "verdict_finder.pth").read_text(encoding="utf-8") == "import verdict_finder\n"
    source = (INSTALL / "verdict_finder.py").read_bytes()
    assert (tmp_path / "verdict_finder.py").read_bytes() == source
    here = Path(sysconfig.get_path("purelib")) / "verdict_finder.py"
    assert here.read_bytes() == source, "pip install --no-deps ./install"


def test_a_program_says_what_is_not_installed() -> None:
    """If this Python has no finder, a program that cannot restart isolated names the command."""
    assert "remedy: pip install --no-deps ./install" in python("-S", "-m", "verdict", "--help")


def test_of_pythons_variables_the_one_of_utf8_counts() -> None:
    """`-I` ignores PYTHONUTF8, but messages tell people to set it, so it must work."""
    program = "from verdict.base.isolated import restart_isolated; restart_isolated('this')"
    message = python("-I", "-c", f"import os\nos.execv = lambda *a: print(*a[1][1:])\n{program}", PYTHONUTF8="1")
    assert message == "-I -X utf8 -m this\n"
    assert python("-I", "-X", "utf8", "-c", program, PYTHONUTF8="1") == ""
    assert python("-I", "-c", program, PYTHONUTF8="0") == ""
