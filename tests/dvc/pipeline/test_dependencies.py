"""dvc.yaml says the truth about what each stage needs: code, data and params, no more and no less."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import grimp
import pytest

from stages import evaluate, featurize, prepare, reference, train, validate
from tests.checkpoints import write_checkpoint
from tests.conftest import ROOT, small_params
from tests.documents import load, save
from tests.dvc.pipeline.clone import STAGES, TIMEOUT, Clone, declared_outs, environment
from verdict.classifier import params
from verdict.classifier.params.kinds import KINDS
from verdict.classifier.params.section import Section

pytestmark = pytest.mark.slow

# All that CI's set-up installs: what stands beside the chosen kind's libraries could change a result, too.
INSTALLED = ("requirements.txt", "requirements/encoder.txt", "install")
MAINS = {
    "prepare": prepare.main,
    "validate": validate.main,
    "featurize": featurize.main,
    "train": train.main,
    "evaluate": evaluate.main,
    "reference": reference.main,
}
# What imports by name the package of the chosen kind of model, and which of its modules.
BY_NAME = {"verdict.classifier.models": "", "verdict.classifier.training.fit": ".training"}


def dag() -> dict[str, Any]:
    """dvc.yaml of this repository, parsed."""
    document: dict[str, Any] = load(ROOT / "dvc.yaml")
    return document


@cache
def graph() -> grimp.ImportGraph:
    """The import graph of the code of stages."""
    return grimp.build_graph("verdict", "stages", cache_dir=None)


def file_of(module: str) -> str:
    """A module's file, relative to the root."""
    path = PurePosixPath(*module.split("."))
    return str(path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py"))


def packages_above(module: str) -> Iterator[str]:
    """The packages that Python imports before it imports `module`."""
    parts = module.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def closure(stage: str, kind: str | None = None) -> set[str]:
    """Files of all modules that a stage can import, its own among them; with a kind of model, also those of that."""
    waiting, found = [f"stages.{stage}"], set[str]()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(graph().find_modules_directly_imported_by(module))
            waiting.extend(packages_above(module))
            waiting.extend([f"verdict.classifier.models.{kind}{BY_NAME[module]}"] if kind and module in BY_NAME else [])
    return {file_of(module) for module in found}


def is_code(dep: str) -> bool:
    """Return whether a dep is a module of this repository, or a folder of them."""
    return dep.startswith(("verdict/", "stages/"))


def code_problems(document: dict[str, Any], kind: str = "linear") -> list[str]:
    """Modules of the import closure that the deps lack, and files of set-up that they lack.

    A folder counts as a whole: an edit of any of its modules may matter, and has to be run.
    """
    problems = []
    for stage, body in document["stages"].items():
        deps = [str(dep).replace("${train.model}", kind) for dep in body["deps"]]
        code, needed = [dep for dep in deps if is_code(dep)], sorted(closure(stage, kind))
        held = {file: [dep for dep in code if f"{file}/".startswith(f"{dep}/")] for file in needed}
        problems += [f"{stage}: {file} is missing" for file in needed if not held[file]]
        used = {dep for found in held.values() for dep in found}
        problems += [f"{stage}: {dep} is superfluous" for dep in sorted({*code} - used)]
        problems += [f"{stage}: {name} stands twice" for name in sorted({dep for dep in deps if deps.count(dep) > 1})]
        problems += [f"{stage}: {name} is missing" for name in INSTALLED if name not in deps]
    return problems


def named(dep: str) -> str:
    """A dep with the values that params.yaml gives its variables."""
    return dep.replace("${train.model}", "linear").replace("${data.path}", str(small_params()["data"]["path"]))


def data_deps(document: dict[str, Any], stage: str) -> list[str]:
    """A stage's deps that are neither code nor pins."""
    deps = [named(dep) for dep in document["stages"][stage]["deps"]]
    return [dep for dep in deps if not is_code(dep) and dep not in INSTALLED]


@pytest.mark.parametrize("kind", KINDS)
def test_code_among_the_deps_is_each_stages_import_closure(kind: str) -> None:
    """Each stage's deps hold every file of this repository that it can import, no other room, and what is installed."""
    assert code_problems(dag(), kind) == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_dep_is_reported(stage: str) -> None:
    """A copy of dvc.yaml in which any one code dep or the pins are left out is reported, with stage and file."""
    for dep in dag()["stages"][stage]["deps"]:
        if is_code(dep) or dep in INSTALLED:
            document = copy.deepcopy(dag())
            document["stages"][stage]["deps"].remove(dep)
            problems, name = code_problems(document), dep.replace("${train.model}", "linear")
            assert problems
            assert all(re.fullmatch(rf"{stage}: {name}(/.*)? is missing", problem) for problem in problems)


def test_a_superfluous_dep_is_reported() -> None:
    """A copy of dvc.yaml in which validate depends on a room that it never imports is reported."""
    document = dag()
    document["stages"]["validate"]["deps"].append("verdict/classifier/scores")
    assert code_problems(document) == ["validate: verdict/classifier/scores is superfluous"]


def test_stages_are_described_and_run_as_modules() -> None:
    """The six stages are in order, each with a description, and with `python -I -m stages.<name>` as its command."""
    stages = dag()["stages"]
    assert tuple(stages) == STAGES
    for name, body in stages.items():
        assert body["cmd"] == f"python -I -m stages.{name}"
        assert len(body["desc"].split()) >= 5
        assert "TODO" not in body["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_needs_just_its_deps_and_writes_just_its_outs(finished: Clone, tmp_path: Path, stage: str) -> None:
    """In a folder that holds a stage's deps and params.yaml alone, it writes its declared outs, bit by bit the same."""
    document = finished.dag()
    folder = only_deps(finished, tmp_path / "alone", document["stages"][stage]["deps"])
    before = files_in(folder)
    process = run_stage(folder, stage)
    assert process.returncode == 0, process.stdout
    written = {name: content for name, content in files_in(folder).items() if name not in before}
    outs = [out for out, _ in declared_outs(document, stage)]
    expected = {
        name: content
        for name, content in finished.results().items()
        if any(name == out or name.startswith(f"{out}/") for out in outs)
    }
    assert written == expected
    assert {name: files_in(folder)[name] for name in before} == before


@pytest.mark.parametrize(("stage", "dep"), [(stage, dep) for stage in STAGES for dep in data_deps(dag(), stage)])
def test_a_stage_stops_without_one_of_its_data_deps(finished: Clone, tmp_path: Path, stage: str, dep: str) -> None:
    """No data dep is superfluous: without it the stage ends with an error that names it, and no traceback."""
    deps = [named(name) for name in finished.dag()["stages"][stage]["deps"]]
    process = run_stage(only_deps(finished, tmp_path / "alone", [name for name in deps if name != dep]), stage)
    assert process.returncode == 1
    assert f"error: {named(dep)}" in process.stdout
    assert "remedy: " in process.stdout
    assert "Traceback" not in process.stdout


def only_deps(clone: Clone, folder: Path, deps: list[str]) -> Path:
    """A folder that holds `deps` and params.yaml of a clone, and nothing else."""
    for dep in [*map(named, deps), "params.yaml"]:
        target = folder / dep
        target.parent.mkdir(parents=True, exist_ok=True)
        if (clone.path / dep).is_dir():
            shutil.copytree(clone.path / dep, target)
        else:
            shutil.copy2(clone.path / dep, target)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def run_stage(folder: Path, stage: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's own command in a folder, without DVC."""
    return subprocess.run(
        ["python", "-I", "-B", "-m", f"stages.{stage}"],
        check=False,
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )


def leaves(section: Section, above: str = "") -> dict[str, object]:
    """Every param under a group by its name in params.yaml, which for `validation` is `validate`."""
    found: dict[str, object] = {}
    for field, information in type(section).model_fields.items():
        key, value = f"{above}{information.alias or field}", getattr(section, field)
        found |= leaves(value, f"{key}.") if isinstance(value, Section) else {key: value}
    return found


def declared(stage: str, model: str) -> set[str]:
    """The params of params.yaml that dvc.yaml says a stage reads, each on its own."""
    keys = [key.replace("${train.model}", model) for key in dag()["stages"][stage]["params"]]
    every = leaves(params.Params.model_validate(small_params()))
    for key in keys:
        assert any(name == key or name.startswith(f"{key}.") for name in every), f"{stage}: no param {key}"
    return {name for name in every if any(name == key or name.startswith(f"{key}.") for key in keys)}


class Recorder:
    """Stands in for `params.load`, and notes each param that is read from what it loaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: set[str] = set()
        self._names: dict[tuple[int, str], str] = {}
        self._loaded: list[params.Params] = []  # kept, so that no id is used twice
        load, get = params.load, Section.__getattribute__

        def recording_load(path: Path = params.PATH) -> params.Params:
            loaded = load(path)
            self._loaded.append(loaded)
            self._name(loaded, "")
            return loaded

        def recording_get(section: Section, attribute: str) -> object:
            if name := self._names.get((id(section), attribute)):
                self.read.add(name)
            return get(section, attribute)

        monkeypatch.setattr(params, "load", recording_load)
        monkeypatch.setattr(Section, "__getattribute__", recording_get)

    def _name(self, section: Section, above: str) -> None:
        fields = {field: getattr(section, field) for field in type(section).model_fields}
        for field, value in fields.items():
            key = f"{above}{type(section).model_fields[field].alias or field}"
            if isinstance(value, Section):
                self._name(value, f"{key}.")
            else:
                self._names[id(section), field] = key


def of_other_kinds(model: str) -> set[str]:
    """Params of featurize that a kind of model does not use: DVC's lists do not distinguish n-grams and token ids."""
    every = {name for name in leaves(params.Params.model_validate(small_params())) if name.startswith("featurize.")}
    tokens = {name for name in every if name.startswith("featurize.tokens.")}
    if "tokens" in KINDS[model].representations:
        return every - tokens - {"featurize.method"}
    return tokens | {"featurize.hashing.features"}


@pytest.mark.parametrize("model", KINDS)
def test_each_stage_reads_just_its_declared_params(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """With each kind of model, each stage reads every param that dvc.yaml lists for it, and no other.

    Of `data` and `split` it depends on the table which are read; they are listed as groups.
    """
    document = small_params()
    document["train"]["model"] = model
    document["train"]["bag"]["epochs"] = 2
    document["featurize"]["tokens"]["checkpoint"] = write_checkpoint(workspace / "tiny", max_position_embeddings=128)
    document["train"]["encoder"]["epochs"] = 2  # after the last one nobody asks for the patience
    save(workspace / "params.yaml", document)
    recorder = Recorder(monkeypatch)
    for stage, main in MAINS.items():
        recorder.read.clear()
        main()
        unread = of_other_kinds(model) if stage == "featurize" else set()
        listed = declared(stage, model) - unread
        of_table = {name for name in listed if name.startswith(("data.", "split."))}
        assert recorder.read - of_table == listed - of_table, stage
        assert bool(recorder.read & of_table) == bool(of_table), stage


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("data.conflicts", "drop", {"prepare", "validate"}),
        ("split.salt", "other", {"prepare", "validate"}),
        ("validate.min_class_rows", 1, {"validate"}),
        ("featurize.char.min_df", 4, {"featurize"}),
        ("train.linear.alpha", 0.0001, {"train"}),
        ("train.bag.dropout", 0.4, set()),
        ("train.encoder.dropout", 0.4, set()),
        ("evaluate.mistakes", 5, {"evaluate"}),
    ],
)
def test_a_changed_param_marks_just_the_stages_that_read_it(
    finished: Clone, copy_of: Callable[[Clone], Clone], key: str, value: object, stages: set[str]
) -> None:
    """After a change of one param `dvc status` names its readers as changed, and none for the model not chosen."""
    clone = copy_of(finished)
    document = clone.params()
    *groups, last = key.split(".")
    group = document
    for name in groups:
        group = group[name]
    assert last in group
    group[last] = value
    clone.write_params(document)
    status = clone.read_json("dvc", "status", "--json")
    by_params = {stage for stage, reasons in status.items() if "params.yaml" in json.dumps(reasons)}
    assert by_params == stages
