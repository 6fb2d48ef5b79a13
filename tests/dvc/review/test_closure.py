"""Tests of review/closure.py: the code that judges is all that the review can import, today and after the change."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOT
from tests.dvc.pipeline.test_dependencies import file_of, packages_above
from verdict.classifier.params.kinds import KINDS
from verdict.repo.revisions import Revision, resolve, working_tree
from verdict.review.closure import code_that_judges
from verdict.review.gate import Review
from verdict.review.report import context
from verdict.review.report.markup import render

PACKAGES = ("verdict", "stages")
JUDGING = ("verdict.review", "verdict.repo", "verdict.ci")


def imported_by_review() -> set[str]:
    """The modules that grimp, which parses, finds."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    roots = [name for root in JUDGING for name in (root, *graph.find_descendants(root))]
    waiting = [name for name in roots if not name.startswith(("verdict.ci.sweep", "verdict.ci.retrain"))]
    waiting += [f"verdict.classifier.models.{kind}" for kind in KINDS]  # imported by name
    found = set[str]()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(graph.find_modules_directly_imported_by(module))
            waiting.extend(packages_above(module))
    return {file_of(module) for module in found}


def test_the_code_that_judges_is_the_reviews_import_closure() -> None:
    """Of this repository it is what grimp finds, lazy imports included, and the program that gets the data."""
    judging = code_that_judges(working_tree(ROOT))
    templates = {
        str(path.relative_to(ROOT))
        for room in ("review", "ci/templates")
        for path in (ROOT / "verdict" / room).rglob("*.j2")
    }
    assert "verdict/review/report/templates/report.md.j2" in templates
    assert judging == imported_by_review() | {"data/fetch.py"} | templates
    assert {
        "verdict/classifier/models/linear/__init__.py",
        "verdict/classifier/features/negation.py",
        "verdict/classifier/__init__.py",
    } <= judging


def put(root: Path, name: str, content: str) -> None:
    """Write a file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(content, encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a review of one module."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for name in (
        "verdict/review/__init__.py",
        "lib/__init__.py",
        "lib/used.py",
        "lib/other.py",
        "lib/deep/__init__.py",
    ):
        put(tmp_path, name, "")
    return tmp_path


IMPORTS = [
    "import lib.used",
    "import os, lib.used as u",
    "from lib import used",
    "from lib import (\n    other_name,  # not (this)\n    used,\n)",
    "from lib.used import thing",
    "def f():\n    from lib.used import thing",
    "try: import lib.used\nexcept ImportError: pass",
    "from lib \\\n    import used",
    "import sys; import lib.used",
    "from .near import x",
    "from . import near",
    "from ..lib import used",
    "START = ['python', 'lib/used.py']",
]


@pytest.mark.parametrize("line", IMPORTS)
def test_every_way_to_import_is_seen(tree: Path, line: str) -> None:
    """Whichever way a module is imported or started, it and its packages judge; its neighbours do not."""
    put(tree, "verdict/review/near.py", "import lib.used\n")
    put(tree, "verdict/review/gate.py", f"{line}\n")
    judging = code_that_judges(working_tree(tree))
    assert "lib/used.py" in judging
    assert not {"lib/other.py", "lib/deep/__init__.py"} & judging


def commit(tree: Path) -> Revision:
    """All of the tree as a commit."""
    git = ["git", "-C", str(tree), "-c", "user.name=Test", "-c", "user.email=test@localhost"]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "one"], check=True)
    return resolve(tree, "HEAD")


def warned(tree: Path, base: Revision) -> set[str]:
    """The files that the report warns of."""
    text = render(context.files(Review(base, working_tree(tree)), str(base.commit)))
    found = re.search(r"<b>This change touches the code that judges</b>: (.*)\. Judge it", text)
    return set(re.findall(r"<code>([^<]*)</code>", found[1])) if found else set()


def test_the_report_warns_of_what_judges_before_or_after_the_change(tree: Path) -> None:
    """A module that the change brings into the review, and one that it takes out, are named; others are not."""
    put(tree, "verdict/review/gate.py", "import lib.used\n")
    base = commit(tree)
    assert warned(tree, base) == set()
    put(tree, "lib/other.py", "X = 1\n")
    put(tree, "tests/test_gate.py", "import verdict.review.gate\n")
    assert warned(tree, base) == set()
    put(tree, "lib/used.py", "X = 1\n")
    assert warned(tree, base) == {"lib/used.py"}
    put(tree, "verdict/review/gate.py", "import lib.new\n")
    put(tree, "lib/new.py", "X = 1\n")
    put(tree, "requirements/encoder.txt", "torch==1\n")
    assert warned(tree, base) == {"lib/used.py", "lib/new.py", "verdict/review/gate.py", "requirements/encoder.txt"}


def test_the_templates_of_what_judges_are_named(tree: Path) -> None:
    """A changed template beside a module that judges gives a warning; one of another package does not."""
    put(tree, "verdict/review/gate.py", "import lib.used\n")
    base = commit(tree)
    for name in (
        "lib/templates/a.md.j2",
        "lib/b.html.j2",
        "tests/templates/c.md.j2",
        "verdict/review/templates/d.md.j2",
    ):
        put(tree, name, "{{ 1 }}\n")
    assert warned(tree, base) == {"lib/templates/a.md.j2", "lib/b.html.j2", "verdict/review/templates/d.md.j2"}


def test_a_commit_is_read_as_it_was(tree: Path) -> None:
    """A revision's closure is that of its own files, whatever the working tree has, odd names and bytes included."""
    put(tree, "verdict/review/gate.py", "import lib.used\n")
    put(tree, "verdict/review/gr\u00fc\u00df e.py", "import lib.deep\n")
    (tree / "lib/used.py").write_bytes(b"# caf\xe9\nimport lib.other\n")
    then = commit(tree)
    whole = {
        "lib/__init__.py",
        "lib/used.py",
        "lib/other.py",
        "lib/deep/__init__.py",
        "verdict/review/gr\u00fc\u00df e.py",
    }
    assert code_that_judges(then) == {"verdict/review/__init__.py", "verdict/review/gate.py", *whole}
    put(tree, "verdict/review/gate.py", "")
    assert "lib/used.py" not in code_that_judges(working_tree(tree))
    assert "lib/used.py" in code_that_judges(then)


HOSTILE: dict[str, Callable[[], str]] = {
    "nested": lambda: "(" * 100_000,
    "from": lambda: "from x import (" * 10_000,
    "blanks": lambda: ("from" + " " * 100) * 5_000,
    "cut": lambda: "from a import",
    "dots": lambda: "from " + "." * 100_000 + " import x",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_source_is_read_without_harm(tree: Path, kind: str) -> None:
    """Source that would overflow a parser's stack hides neither itself nor what comes after it."""
    put(tree, "verdict/review/gate.py", f"{HOSTILE[kind]()}\n)\nimport lib.used\n")
    assert {"verdict/review/gate.py", "lib/used.py"} <= code_that_judges(Revision(tree, "this", None))
