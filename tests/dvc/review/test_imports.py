"""The lock check says which code of the repository a stage runs without naming it in dvc.yaml."""

from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.pipeline.test_dependencies import closure, dag
from tests.dvc.review.test_closure import put
from verdict.repo.lock.finding import Finding
from verdict.repo.lock.imports import PACKAGES, Imports

_PACKAGES = frozenset({"lib", "mine", "near", "stages"})
_FILES = ("lib/__init__.py", "lib/used.py", "lib/other.py", "lib/deep/__init__.py", "lib/deep/used.py", "near.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a few modules."""
    for name in (*_FILES, "stages/__init__.py"):
        put(tmp_path, name, "")
    return tmp_path


def missing(root: Path, *deps: str, command: str = "python -I -m stages.one", folder: str = ".") -> set[str]:
    """The files that are named as missing."""
    imports = Imports(root) if root == ROOT else Imports(root, _PACKAGES)
    findings = list(imports.findings("one", command, folder, deps))
    assert all(finding.mend == "add it to the deps of one in dvc.yaml, then dvc repro one" for finding in findings)
    return {finding.what.split(",")[0].split(" ")[-1] for finding in findings}


@pytest.mark.parametrize("stage", ["prepare", "validate", "featurize", "train", "evaluate", "reference"])
def test_of_this_repository_it_is_what_grimp_finds(stage: str) -> None:
    """For each stage the import closure is that of the tests of dvc.yaml, and nothing is missing."""
    command = dag()["stages"][stage]["cmd"]
    assert missing(ROOT, command=command) == closure(stage)
    assert missing(ROOT, *dag()["stages"][stage]["deps"], command=command) == set()


_LIB = {"lib/__init__.py"}
_USED = {*_LIB, "lib/used.py"}
_DEEP = {*_LIB, "lib/deep/__init__.py", "lib/deep/used.py"}
FORMS: dict[str, set[str]] = {
    "import lib.used": _USED,
    "import os, lib.used as u": _USED,
    "from lib import used": _USED,
    "from lib import (\n    nothing,  # not (this)\n    used,\n)": _USED,
    "from lib.used import thing": _USED,
    "from lib \\\n    import used": _USED,
    "from lib import *": _LIB,
    "def f():\n    def g():\n        from lib.deep.used import thing": _DEEP,
    "class A:\n    import lib.deep": _DEEP - {"lib/deep/used.py"},
    "async def f():\n    async with a:\n        import lib.used": _USED,
    "try:\n    pass\nexcept ImportError:\n    import lib.used\nelse:\n    pass\nfinally:\n    import lib.deep": {
        *_USED,
        "lib/deep/__init__.py",
    },
    "match 1:\n    case 1:\n        import lib.used": _USED,
    "while 0: import lib.used": _USED,
    "if 0:\n    pass\nelif 1:\n    pass\nelse:\n    import lib.used": _USED,
    "import sys; import lib.used": _USED,
    "from . import other\nfrom .other import x": {"stages/other.py"},
    "from ..lib import used": _USED,
    "import importlib\nimportlib.import_module('lib.used')": _USED,
    "from importlib import import_module as load, import_module\nX = [import_module('lib.used')]": _USED,
    "__import__('lib.used')": _USED,
    "from importlib import import_module\nimport_module('.other', __package__)": {"stages/other.py"},
    "import importlib as i\ni.import_module(name='.used', package='lib')": _USED,
    "from importlib import import_module as load\nload('.used', 'lib')": _USED,
    "from runpy import run_module\nrun_module('lib.used')": _USED,
    # No import, or none of ours, or none that runs.
    '"""\nimport lib.used\n"""': set(),
    "# import lib.used\nX = 'from lib import used'": set(),
    "import json, pandas.lib.used": set(),
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lib.used": set(),
    "import typing\nif typing.TYPE_CHECKING:\n    import lib.used\nelse:\n    import near": {"near.py"},
    "print(lib.used)": set(),
    "import_module(name)": set(),
}


@pytest.mark.parametrize("source", FORMS)
def test_every_form_of_import_is_seen(root: Path, source: str) -> None:
    """At any depth of a module, by a name in a string, and not in texts or for a type checker alone."""
    put(root, "stages/one.py", source)
    put(root, "stages/other.py", "")
    assert missing(root, "stages/__init__.py", "stages/one.py") == FORMS[source]


def test_a_finding_names_both_files_and_what_to_do(root: Path) -> None:
    """The importer, what it imports, the stage, and the line to add."""
    put(root, "stages/one.py", "import lib.used")
    put(root, "lib/used.py", "import near")
    found = list(Imports(root, _PACKAGES).findings("one", "python -I -m stages.one", ".", ["stages", "lib"]))
    what = "lib/used.py imports near.py, which is no dependency of one"
    assert found == [Finding("one", "dvc.yaml", what, "add it to the deps of one in dvc.yaml, then dvc repro one")]


def test_a_compiled_module_is_seen(root: Path) -> None:
    """Python prefers it to the source beside it, and imports it without source, too."""
    hiding, alone = f"lib/used{EXTENSION_SUFFIXES[0]}", "lib/alone.pyc"
    for name, text in {hiding: "", alone: "", "stages/one.py": "from lib import used, alone"}.items():
        put(root, name, text)
    assert missing(root, "stages", "lib/__init__.py") == {hiding, alone}


COMMANDS = {
    "python -m stages.one": {"stages/__init__.py", "stages/one.py", "near.py"},
    "cd . && python3.11 -X utf8 -P -m stages.one --fast; true": {"stages/__init__.py", "stages/one.py", "near.py"},
    "python -Im stages.one": {"stages/__init__.py", "stages/one.py", "near.py"},
    "python -I -mstages.one": {"stages/__init__.py", "stages/one.py", "near.py"},
    "torchrun --nproc-per-node 2 --no-python python -I -m stages.one": {
        "stages/__init__.py",
        "stages/one.py",
        "near.py",
    },
    "python stages/one.py | tee log": {"stages/one.py", "near.py", "stages/beside.py"},
    "'python' \"stages/one.py\"": {"stages/one.py", "near.py", "stages/beside.py"},
    "python -m stages": {"stages/__init__.py", "stages/__main__.py", "near.py"},
    "FAST=1 ./stages/one.py": set(),
    "./stages/one.py": {"stages/one.py", "near.py", "stages/beside.py"},
    "python -m torch.distributed.run stages/one.py": {"stages/one.py", "near.py", "stages/beside.py"},
    "python -m pytest && echo -m": set(),
    "cat near.py > copy && git commit -m stages": set(),
    "python -m stages.beside --like near.py": {"stages/__init__.py", "stages/beside.py"},
    "python made/later.py ../outside.py /etc/x.py": set(),
    "true": set(),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_starts_is_found(root: Path, command: str) -> None:
    """Modules, packages and programs of the repository, with the files beside a program; nothing outside."""
    for name in ("one", "__main__"):
        put(root, f"stages/{name}.py", "import near, beside")
    put(root, "stages/beside.py", "")
    put(root.parent, "outside.py", "")
    assert missing(root, command=command) == COMMANDS[command]


def test_a_folder_names_all_that_is_in_it_and_a_stage_may_run_in_one(root: Path) -> None:
    """A dependency that is a folder holds the code in it; modules are looked for where the stage runs."""
    put(root, "sub/stages/__init__.py", "")
    put(root, "sub/stages/one.py", "import mine, near")
    put(root, "sub/mine.py", "")
    assert missing(root, "sub/stages", folder="sub") == {"sub/mine.py"}
    assert missing(root, "sub", folder="sub") == set()


HOSTILE: dict[str, Callable[[], str]] = {
    "brackets": lambda: "(" * 200_000,
    "minus": lambda: "-" * 200_000 + "1",
    "attributes": lambda: "a" + ".a" * 150_000,
    "sums": lambda: "1" + "+1" * 150_000,
    "lambdas": lambda: "lambda:" * 50_000 + "1",
    "conditions": lambda: "1 if 1 else " * 30_000 + "1",
    "branches": lambda: "if 1: pass\n" + "elif 1: pass\n" * 25_000,
    "calls": lambda: "f" + "()" * 150_000,
    "a test of types": lambda: "if " + "not " * 90_000 + "TYPE_CHECKING: pass",
    "indented": lambda: "".join(" " * depth + "if 1:\n" for depth in range(800)),
    "zeros": lambda: "\0",
    "no Python": lambda: "print 'a'",
    "large": lambda: "import near\n" * 40_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_source_is_read_without_harm(root: Path, kind: str) -> None:
    """Source that no parser takes is reported, and the stage's other imports are found."""
    put(root, "stages/one.py", "import lib.used, near")
    put(root, "lib/used.py", HOSTILE[kind]())
    imports = Imports(root)
    found = list(imports.findings("one", "python -m stages.one", ".", ["stages", "lib"]))
    assert ["near.py" in finding.what for finding in found] == [True]
    assert set(imports.unread) <= {"lib/used.py"}


def test_the_sum_of_what_is_read_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred modules of the largest size stay within a time limit, and unread ones are reported."""
    monkeypatch.setattr("verdict.repo.lock.imports._MOST_IN_ALL", 100)
    put(root, "stages/one.py", "import lib.used, near\n" + "#" * 90)
    imports = Imports(root)
    list(imports.findings("one", "python -m stages.one", ".", []))
    assert imports.unread == {"stages/one.py": "too large"}


def test_what_cannot_be_opened_is_told(root: Path) -> None:
    """A link to nothing is no module, one to a device neither."""
    put(root, "stages/one.py", "import lib.gone, lib.device, near")
    (root / "lib/gone.py").symlink_to("nowhere.py")
    (root / "lib/device.py").symlink_to("/dev/zero")
    assert missing(root, "stages", "lib") == {"near.py"}


def test_an_isolated_python_finds_no_other_module_of_the_folder(root: Path) -> None:
    """A torch.py at the root is no dependency of a stage that `python -I` runs, and one of a stage without it."""
    put(root, "stages/one.py", "import json, torch")
    put(root, "torch.py", "")
    named = ("stages",)
    assert missing(root, *named, command="python -I -m stages.one") == set()
    assert missing(root, *named, command="python -P stages/one.py") == set()
    assert missing(root, *named, command="python -m stages.one") == {"torch.py"}


def test_an_isolated_python_finds_the_packages_of_the_installed_finder() -> None:
    """The packages that the lock check follows are those that set-up makes known."""
    assert repr(sorted(PACKAGES))[1:-1].replace("'", '"') in (ROOT / "install/verdict_finder.py").read_text("utf-8")
