"""The lock check on a real DVC repository with two stages, and one mutation at a time."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import warm
from tests.conftest import ROOT
from tests.documents import edit, load, save
from verdict.base.documents import dump
from verdict.repo.lock.check import check
from verdict.repo.lock.contents import hash_of

DVC_YAML = """
stages:
  clean:
    cmd: python clean.py
    deps: [clean.py, data/raw.txt]
    params: [clean]
    outs: [clean.txt]
  count:
    cmd: python count.py
    deps: [clean.txt, count.py]
    params: [count.unit]
    metrics:
      - count.json: {cache: false}
"""
CLEAN = "import pathlib; pathlib.Path('clean.txt').write_text(pathlib.Path('data/raw.txt').read_text().strip())\n"
COUNT = """
import pathlib
pathlib.Path("count.json").write_text('{"n": %d}' % len(pathlib.Path("clean.txt").read_text()))
"""
PARAMS = {"clean": {"strip": True}, "count": {"unit": "letters"}}


def run(folder: Path, *command: str) -> None:
    """Run a command in the folder, with this interpreter's scripts first."""
    environment = {**os.environ, "PATH": warm.path()}
    environment["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "tmp" / "site")
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose two stages were run."""
    folder = tmp_path_factory.mktemp("lock") / "original"
    (folder / "data").mkdir(parents=True)
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    files = {"dvc.yaml": DVC_YAML, "clean.py": CLEAN, "count.py": COUNT, "data/raw.txt": " some words \n"}
    for name, text in {**files, "params.yaml": dump(PARAMS)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    run(folder, "dvc", "add", "--quiet", "data/raw.txt")
    run(folder, "dvc", "repro", "--quiet")
    return folder


@pytest.fixture
def tree(original: Path, tmp_path: Path) -> Path:
    """A copy of the repository to damage, without data and cached outputs."""
    folder = tmp_path / "tree"
    run(original, "cp", "-r", str(original), str(folder))
    (folder / "data/raw.txt").unlink()
    (folder / "clean.txt").unlink()
    return folder


def relock(folder: Path, stage: str, change: Callable[[dict[str, object]], object]) -> None:
    """Change one entry of dvc.lock."""
    document = load(folder / "dvc.lock")
    change(document["stages"][stage])
    save(folder / "dvc.lock", document)


def test_a_lock_that_came_out_of_a_run_is_consistent_without_any_data(tree: Path) -> None:
    """The lock of a finished run has no finding, though neither data nor outputs are there."""
    assert check(tree) == []
    assert check(tree, ran=True) == []


MUTATIONS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "code": (lambda t: edit(t, "clean.py", lambda s: s + "#\n"), "clean", "clean.py"),
    "param": (lambda t: edit(t, "params.yaml", lambda s: s.replace("letters", "words")), "count", "count.unit"),
    "param group": (lambda t: edit(t, "params.yaml", lambda s: s.replace("true", "false")), "clean", "clean"),
    "command": (
        lambda t: edit(t, "dvc.yaml", lambda s: s.replace("cmd: python clean.py", "cmd: python -O clean.py")),
        "clean",
        "dvc.yaml",
    ),
    "added dependency": (
        lambda t: edit(t, "dvc.yaml", lambda s: s.replace("[clean.txt, count.py]", "[clean.txt, clean.py, count.py]")),
        "count",
        "clean.py",
    ),
    "removed dependency": (
        lambda t: edit(t, "dvc.yaml", lambda s: s.replace("[clean.py, data/raw.txt]", "[data/raw.txt]")),
        "clean",
        "clean.py",
    ),
    "added output": (
        lambda t: edit(t, "dvc.yaml", lambda s: s.replace("[clean.txt]", "[clean.txt, more.txt]")),
        "clean",
        "more.txt",
    ),
    "renamed stage": (lambda t: edit(t, "dvc.yaml", lambda s: s.replace("  count:", "  tally:")), "tally", "dvc.lock"),
    "removed stage": (lambda t: edit(t, "dvc.yaml", lambda s: s[: s.index("  count:")]), "count", "dvc.lock"),
    "edited metrics": (lambda t: edit(t, "count.json", lambda s: s.replace("1", "9")), "count", "count.json"),
    "removed metrics": (lambda t: (t / "count.json").unlink(), "count", "count.json"),
    "pointer": (
        lambda t: edit(t, "data/raw.txt.dvc", lambda s: s.replace("md5: ", "md5: 0", 1)),
        "clean",
        "data/raw.txt",
    ),
    "broken pointer": (lambda t: (t / "data/raw.txt.dvc").write_text("outs: 3"), "data", "data/raw.txt.dvc"),
    "chain": (lambda t: relock(t, "clean", lambda e: e["outs"][0].update(md5="0" * 32)), "count", "clean.txt"),  # type: ignore[index]
    "conflict": (lambda t: edit(t, "dvc.lock", lambda s: "<<<<<<< ours\n" + s), "all", "dvc.lock"),
    "not YAML": (lambda t: (t / "dvc.lock").write_text("stages: ["), "all", "dvc.lock"),
    "no stages": (lambda t: (t / "dvc.lock").write_text("schema: '2.0'\n"), "all", "dvc.lock"),
    "empty entry": (lambda t: (t / "dvc.lock").write_text("stages: {clean: }\n"), "all", "dvc.lock"),
    "odd dvc.yaml": (lambda t: (t / "dvc.yaml").write_text("stages: ["), "all", "dvc.yaml"),
    "no lock": (lambda t: (t / "dvc.lock").unlink(), "all", "dvc.lock"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_found_and_names_stage_place_and_mend(tree: Path, name: str) -> None:
    """Each change that the lock lacks gives a finding with the stage, the place and a command."""
    spoil, stage, place = MUTATIONS[name]
    spoil(tree)
    findings = check(tree)
    assert any(f.stage == stage and place in f.where and f.mend for f in findings), [str(f) for f in findings]


def test_an_invented_but_consistent_lock_is_found_by_its_missing_run(tree: Path) -> None:
    """A lock whose metrics and hash were changed together is consistent, but not in the run-cache."""
    (tree / "count.json").write_text('{"n": 99}', encoding="utf-8")
    forged = hash_of(tree / "count.json")
    relock(tree, "count", lambda e: e["outs"][0].update(md5=forged, size=9))  # type: ignore[index]
    assert check(tree) == []
    assert [finding.stage for finding in check(tree, ran=True)] == ["count"]


def test_the_lock_of_this_repository_is_consistent() -> None:
    """The committed dvc.lock fits the committed tree."""
    assert [str(finding) for finding in check(ROOT)] == []


def test_code_that_dvc_yaml_does_not_name_is_told(tree: Path) -> None:
    """A module that a stage's program imports, in a function at that, is named with the line to add."""
    assert check(tree) == []
    edit(tree, "clean.py", lambda text: f"{text}\n\ndef later():\n    import helper\n")
    (tree / "helper.py").write_text("", encoding="utf-8")
    found = [finding for finding in check(tree) if "helper" in finding.what]
    assert [(finding.stage, finding.what) for finding in found] == [
        ("clean", "clean.py imports helper.py, which is no dependency of clean")
    ]
    document = load(tree / "dvc.yaml")
    document["stages"]["clean"]["deps"].append("helper.py")
    save(tree / "dvc.yaml", document)
    assert not [finding for finding in check(tree) if "no dependency" in finding.what]


@pytest.mark.parametrize("name", [".checkpoints/a.pt", "data/start/small/config.json", ".venv/lib/a.pth"])
def test_what_stages_can_read_without_naming_it_is_not_kept_in_git(tree: Path, name: str) -> None:
    """States, weights and libraries in a commit are refused: they would decide a result unseen."""
    (tree / name).parent.mkdir(parents=True)
    (tree / name).write_text("", encoding="utf-8")
    assert check(tree) == []
    run(tree, "git", "add", "--force", "--", name)
    (finding,) = check(tree)
    assert finding.where == name
    run(tree, *shlex.split(finding.mend))
    assert check(tree) == []


def test_the_command_exits_with_one_and_prints_the_mend(tree: Path) -> None:
    """`verdict lock` exits 1 on a stale lock, 0 on a consistent one, and names what to run."""
    program = "import sys; from verdict.cli import main; sys.exit(main())"  # the tree has no code of ours
    command = [sys.executable, "-c", program, "lock"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    good = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True, timeout=60)
    edit(tree, "clean.py", lambda s: s + "#\n")
    bad = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "mend: dvc repro clean" in bad.stdout


def test_the_hash_of_a_folder_is_dvcs_own(tmp_path: Path) -> None:
    """Files are sorted by their whole names, "a.txt" before "a/b.txt", as DVC does it."""
    for name in ("a.txt", "a/b.txt", "a-b/c", "B"):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(name, encoding="utf-8")
    run(tmp_path, "dvc", "init", "--no-scm", "--quiet")
    run(tmp_path, "dvc", "add", "--quiet", "folder")
    assert hash_of(tmp_path / "folder") == load(tmp_path / "folder.dvc")["outs"][0]["md5"]
