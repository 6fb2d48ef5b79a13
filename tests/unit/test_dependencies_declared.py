"""requirements*.in name what the code imports, and pyproject.toml agrees."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import documents
from tests.conftest import ROOT

FILES = (
    "requirements.in",
    "requirements/encoder.in",
    "requirements/engine.in",
    "requirements/serving.in",
    "requirements/feedback.in",
    "requirements/postgresql.in",
    "requirements-dev.in",
)
# In an environment of their own: programs that tests speak to.
_CLIENTS = "requirements/clients.in"
# Folders whose code runs where the development requirements are installed.
_DEVELOPMENT = ("benchmarks", "dev", "tests")
_OWNERS = packages_distributions()


def normal(name: str) -> str:
    """A package's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*files: str) -> dict[str, str]:
    """The packages of .in files, each with its whole line."""
    lines = [line for name in files for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return {normal(re.split(r"[=<>~ \[]", line)[0]): line for line in lines if line[:1].isalpha()}


def modules() -> dict[Path, ast.Module]:
    """Every Python file of the project, parsed."""
    files = [path for path in ROOT.glob("[a-z]*/**/*.py") if ".retrained" not in path.parts]
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def imported(tree: ast.Module) -> Iterator[str]:
    """The top names of what a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def packages(trees: dict[Path, ast.Module], known: Iterable[Path]) -> dict[str, set[str]]:
    """The packages that modules import, each with the files that do; our own and Python's are left out."""
    own = {path.parts[0] for path in known} | {path.stem for path in known if path.parts[0] == "install"}
    found: dict[str, set[str]] = {}
    for path, tree in trees.items():
        for name in set(imported(tree)) - own - sys.stdlib_module_names:
            owner = next((owner for owner in _OWNERS.get(name, []) if normal(owner) in _IMPORTED), name)
            found.setdefault(normal(owner), set()).add(str(path))
    return found


_ALL = declared(*FILES, _CLIENTS)
_IMPORTED = {name for name, line in _ALL.items() if "# not imported: " not in line}


@pytest.fixture(scope="module")
def used() -> dict[bool, dict[str, set[str]]]:
    """The packages that development (True) and everything else (False) import, with the files that do."""
    trees = modules()
    assert len(trees) > 200
    parts = {
        kind: {path: tree for path, tree in trees.items() if (path.parts[0] in _DEVELOPMENT) == kind}
        for kind in (True, False)
    }
    return {kind: packages(part, trees) for kind, part in parts.items()}


def test_every_import_of_the_program_is_declared(used: dict[bool, dict[str, set[str]]]) -> None:
    """Each import of stages, review, commands and service is named in one of the .in files, without development's."""
    names = declared(*FILES[:-1])
    assert {name: files for name, files in used[False].items() if name not in names} == {}


def test_every_import_of_tests_and_benchmarks_is_declared(used: dict[bool, dict[str, set[str]]]) -> None:
    """Each import of tests and benchmarks is named in one of the .in files."""
    assert {name: files for name, files in used[True].items() if name not in _ALL} == {}


@pytest.mark.parametrize("file", FILES[:-1])
def test_what_is_declared_is_imported(used: dict[bool, dict[str, set[str]]], file: str) -> None:
    """A package that nothing imports any more goes from the .in file, unless its line says why it stays."""
    assert {name for name, line in declared(file).items() if "# not imported: " not in line} <= set(used[False])


def test_an_import_that_nobody_declared_would_be_seen() -> None:
    """Imports in functions and of submodules count; relative ones, Python's own and the project's do not."""
    text = "import os, botany.trees\nfrom . import a\ndef f():\n    from zoology.cats import b\n    import stages.x\n"
    assert set(packages({Path("stages/x.py"): ast.parse(text)}, [Path("stages/x.py")])) == {"botany", "zoology"}


@pytest.fixture(scope="module")
def project() -> dict[str, dict[str, object]]:
    """The file pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_project_takes_its_requirements_from_the_same_files(project: dict[str, dict[str, object]]) -> None:
    """Dependencies and extras of pyproject.toml are the .in files, which hold no option that setuptools refuses."""
    assert set(re.findall(r"[\w/-]+\.in\b", str(project["tool"]))) == set(FILES)
    lines = [line for name in FILES for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if not line[:1].isalpha() and not line.startswith("# ")] == []


def test_the_versions_of_python_are_those_that_are_tried(project: dict[str, dict[str, object]]) -> None:
    """Each version among the classifiers is tried by tests.yml, and the lowest is the one that is required."""
    named = re.findall(r"Python :: (3\.\d+)", str(project["project"]["classifiers"]))
    workflow = documents.load(ROOT / ".github/workflows/tests.yml")["jobs"]
    setups = [step for step in workflow["tests"]["steps"] if step["name"] == "Python"]
    tried = [setups[0]["with"]["python-version"], *workflow["versions"]["strategy"]["matrix"]["python"]]
    assert named == tried
    assert project["project"]["requires-python"] == f">={named[0]}"
