"""Commands around the DAG: the remote, make, the pins, a merge."""

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from tests import documents
from tests.conftest import ROOT
from tests.corpus import RAW
from tests.dvc.pipeline.clone import Clone, declared_outs, remove
from tests.dvc.pipeline.test_dependencies import INSTALLED
from tests.warm import interpreter

pytestmark = pytest.mark.slow

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = ROOT / "README.md"

_MORE = ("encoder", "images", "serving")
PINS = ("requirements.txt", *(f"requirements/{name}.txt" for name in _MORE), "requirements-dev.txt")


def recipe(target: str) -> list[str]:
    """The commands of a Makefile's target, without make's own marks."""
    found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None, target
    return [line.strip().lstrip("@-") for line in found.group(1).splitlines()]


def test_pull_brings_back_what_was_pushed(finished: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """After a push to the default remote and the loss of cache, data and outs, a pull brings all back, bit by bit."""
    clone = copy_of(finished)
    clone.run("dvc", "push")
    raw = clone.path / "data/raw" / RAW
    content = raw.read_bytes()
    shutil.rmtree(clone.path / ".dvc/cache")
    raw.unlink()
    for name, cached in declared_outs(clone.dag()):
        if cached:
            remove(clone.path / name)
    clone.run("dvc", "pull")
    assert clone.results() == finished.results()
    assert raw.read_bytes() == content
    assert clone.read_json("dvc", "status", "--json") == {}
    assert clone.changes() == ""


def test_a_git_clone_gets_the_results_without_running_a_stage(
    finished: Clone, copy_of: Callable[[Clone], Clone]
) -> None:
    """A git clone with the remote's folder pulls all results and runs no stage."""
    author = copy_of(finished)
    author.run("dvc", "push")
    other = Clone(author.path.with_name("other"))
    author.run("git", "clone", "--quiet", str(author.path), str(other.path))
    shutil.copytree(author.path / ".remote", other.path / ".remote")
    other.run("dvc", "pull")
    assert "Running stage" not in other.run("dvc", "repro")
    assert other.results() == finished.results()


def test_make_alone_prints_what_there_is(tmp_path: Path) -> None:
    """Without a target make prints every target with its line of text, and starts nothing."""
    for name in ("Makefile", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    told = dict(re.findall(r"^make (\w+) +(\S.*)$", done.stdout, re.MULTILINE))
    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert targets is not None
    assert list(told) == [name for name in re.findall(r"(?m)^(\w+):", MAKEFILE) if name in targets[1].split()]
    assert set(told) == set(targets[1].split())
    assert not (tmp_path / ".venv").exists()


def test_hooks_run_what_make_lint_runs() -> None:
    """The hooks of pre-commit are the commands of `make lint`, one by one and without files as arguments."""
    (repository,) = documents.load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == " && ".join(recipe("lint")).split(" && ")
    assert [hook["pass_filenames"] for hook in repository["hooks"]] == [False] * len(repository["hooks"])


@pytest.mark.parametrize("target", ["repro", "lint", "test"])
def test_readme_shows_what_make_runs(target: str) -> None:
    """README.md has each command of a make target, so make is optional."""
    if not README.is_file():
        pytest.skip("README.md is not there")
    text = " ".join(README.read_text(encoding="utf-8").split())
    for line in recipe(target):
        # What is run only where the example's pointer lies is told without that.
        for command in re.sub(r"\$\(if \$\(wildcard [^)]*\),@?(.*)\)", r"\1", line).split(" && "):
            assert command in text, command


@pytest.mark.parametrize("model", ["linear", "bag", "encoder"])
def test_make_repro_brings_the_encoder_where_it_is_chosen(tmp_path: Path, model: str) -> None:
    """Libraries and weights of the encoder are no part of `make repro`, unless params.yaml chooses that kind."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    chosen = re.sub(r"(?m)^  model: linear\b", f"  model: {model}", (ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "params.yaml").write_text(chosen, encoding="utf-8")
    for name in ("requirements.txt", "requirements/encoder.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    plan = subprocess.run(
        ["make", "--dry-run", "repro"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert "requirements.txt" in plan
    assert ("requirements/encoder.txt" in plan, "--start encoder" in plan) == (model == "encoder",) * 2


# With each other kind of model, the stages that depend on it, and a prediction.
OTHER_KINDS = """
from pathlib import Path
from verdict.classifier.artifact import load_classifier
from verdict.base.documents import edited
from verdict.classifier.params import PATH
from stages import evaluate, featurize, train
for kind in ("linear", "bag"):
    with edited(PATH) as params:
        params["train"].update(model=kind)
        params["train"]["bag"].update(epochs=1)
    for stage in (featurize, train, evaluate):
        stage.main()
    load_classifier(Path("models/classifier")).probabilities(["good"])
"""


def test_nothing_of_the_encoder_is_imported_for_another_kind(
    finished: Clone, copy_of: Callable[[Clone], Clone], tmp_path: Path
) -> None:
    """The stages and predict run where transformers, tokenizers and the weights are not to be had."""
    names = ("transformers", "tokenizers", "huggingface_hub")
    refused = {name: f"raise ImportError('{name} was imported')\n" for name in names}
    python = str(interpreter(tmp_path / "absent", **refused))
    clone = copy_of(finished)
    for path, cached in declared_outs(clone.dag(), "featurize", "train", "evaluate"):
        if cached:
            remove(clone.path / path)  # never write into an object of the cache that is linked here
    assert "was imported" in clone.try_run(python, "-I", "-c", "import transformers").stdout
    clone.run(python, "-I", "-c", OTHER_KINDS)
    assert "positive" in clone.run("sh", "-c", f"echo good | {python} -I -m verdict predict")
    assert not (clone.path / "data/start/encoder").exists()


@pytest.mark.parametrize("name", PINS)
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    """Each line of the pins is one package with one version, without local version, address or option."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]
    pins = [pin for pin in pins if pin != "-c requirements.txt"]
    assert len(pins) > 5
    for pin in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[0-9][A-Za-z0-9.!]*( ;.*)?", pin), pin
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert len(names) == len(set(names))
    assert "://" not in "\n".join(lines)
    assert "index" not in "\n".join(line for line in lines if not line.startswith("#    pip-compile"))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_torch_is_pinned_without_a_local_version(name: str) -> None:
    """The pin of torch fits every build of it: for CPUs, for CUDA, and the default one."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines if re.match(r"torch\b", line)] == ["torch==2.13.0"]


def pinned(name: str) -> dict[str, str]:
    """The version of each package in a file of pins."""
    text = (ROOT / name).read_text(encoding="utf-8").lower()
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", text))


@pytest.mark.parametrize(("one", "other"), combinations(PINS, 2))
def test_files_of_pins_agree(one: str, other: str) -> None:
    """A package that two files of pins name has the same version in both."""
    first, second = pinned(one), pinned(other)
    assert (both := first.keys() & second.keys())
    assert {name: first[name] for name in both} == {name: second[name] for name in both}


def test_set_up_installs_the_pins_that_stages_depend_on() -> None:
    """Every file that CI's set-up installs for stages is a dependency of every stage."""
    setup = (ROOT / ".github/actions/setup/action.yml").read_text(encoding="utf-8")
    installed = {*re.findall(r"--requirement (\S+)", setup), *re.findall(r"--no-deps \./(\S+)", setup)}
    assert installed == set(INSTALLED)


@pytest.mark.parametrize("name", PINS)
def test_pins_hold_what_was_asked_for(name: str) -> None:
    """Each package that the .in file names is among the pins, in the version that it asks for, if it asks for one."""
    pins = (ROOT / name).read_text(encoding="utf-8").lower()
    for line in (ROOT / name).with_suffix(".in").read_text(encoding="utf-8").splitlines():
        asked = line.partition("#")[0].strip().lower()
        if asked and not asked.startswith("-"):
            beginning = asked if "==" in asked else f"{asked}=="
            assert re.search(rf"^{re.escape(beginning)}", pins, re.MULTILINE), asked


def test_two_locks_conflict_although_their_text_would_merge(empty: Clone, copy_of: Callable[[Clone], Clone]) -> None:
    """Branches that change far lines of dvc.lock conflict in a merge: as text they would merge into a false lock."""
    clone = copy_of(empty)
    lock, twin = clone.path / "dvc.lock", clone.path / "twin.txt"
    lines = [f"line {number}" for number in range(100)]

    def write(*changes: int) -> None:
        text = "".join(f"{line}{' changed' if number in changes else ''}\n" for number, line in enumerate(lines))
        lock.write_text(text, encoding="utf-8")
        twin.write_text(text, encoding="utf-8")

    write()
    clone.commit("base")
    clone.run("git", "checkout", "--quiet", "-b", "other")
    write(5)
    clone.commit("theirs")
    clone.run("git", "checkout", "--quiet", "main")
    write(90)
    clone.commit("ours")
    process = clone.try_run("git", "merge", "other")
    assert process.returncode != 0
    assert "CONFLICT (content): Merge conflict in dvc.lock" in process.stdout
    assert clone.run("git", "diff", "--name-only", "--diff-filter=U").split() == ["dvc.lock"]
    merged = twin.read_text(encoding="utf-8")
    assert merged.count("changed") == 2, "the same change of another file merges as text"
