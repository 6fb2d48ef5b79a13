"""The stages featurize, train and evaluate with an encoder: killed and resumed, and in two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stages import evaluate, featurize, prepare, validate
from tests.checkpoints import write_checkpoint
from tests.conftest import ROOT, copy_start, small_params
from tests.corpus import mails, write_csv, write_raw
from tests.documents import save
from tests.shared import once
from tests.unit.stages.runs import MAILS, copied, mail_params, set_params
from tests.unit.stages.runs import run as run_stages
from verdict.base.files import read_json, sha256
from verdict.classifier.artifact import load_classifier, load_manifest
from verdict.classifier.params.metric_names import metrics_of
from verdict.classifier.training.torchrun import restart_under_torchrun

TIMEOUT = 300  # seconds; a command that hangs fails its test, no test measures time
MARK = 9.5  # no loss that a training has
SETTINGS = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "head_learning_rate": 0.01, "dropout": 0.0}


@pytest.fixture(scope="module")
def featurized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an encoder is chosen and all stages up to featurize have run; it is read, never changed."""
    return once(tmp_path_factory.getbasetemp(), "featurized", _featurize)


def _featurize(folder: Path) -> None:
    write_raw(folder / "data" / "raw")
    document = small_params()
    document["featurize"]["tokens"] = {"checkpoint": write_checkpoint(folder / "tiny"), "max_tokens": 32}
    document["train"].update(model="encoder", refit=False)
    document["train"]["encoder"].update(SETTINGS)
    save(folder / "params.yaml", document)
    copy_start(folder)
    with chdir(folder):
        for stage in (prepare, validate, featurize):
            stage.main()


def command(folder: Path) -> dict[str, Any]:
    """The command by which DVC starts the stage in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "WORLD_", "RANK"))}
    for package in ("verdict", "stages"):
        if not (folder / package).exists():
            (folder / package).symlink_to(ROOT / package)
    return {
        "args": [sys.executable, "-I", "-B", "-m", "stages.train"],
        "cwd": folder,
        "env": {**kept, "TMPDIR": str(folder.parent)},  # where torchrun leaves folders
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }


def run(folder: Path) -> str:
    """Run the stage to its end."""
    process = subprocess.run(**command(folder), check=False, timeout=TIMEOUT)
    assert process.returncode == 0, process.stdout
    return str(process.stdout)


def noise(printed: str) -> list[str]:
    """The output beside the stage's own line, which without a terminal must be empty."""
    return [line for line in printed.splitlines() if not line.startswith("train: encoder")]


def artifact(folder: Path) -> dict[str, str]:
    """The artifact's files by hash."""
    return {path.name: sha256(path) for path in (folder / "models/classifier").iterdir()}


@pytest.fixture(scope="module")
def whole(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the stage train ran without a break; it is read, never changed."""
    return once(tmp_path_factory.getbasetemp(), "trained", lambda folder: run(copied(featurized, folder)))


def until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait for a condition while a process runs."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)


def curve_so_far(folder: Path) -> list[dict[str, Any]]:
    """The learning curve of the checkpoint on disk."""
    for path in (folder / ".checkpoints").glob("*.safetensors"):
        with safe_open(path, "np") as opened:
            curve: list[dict[str, Any]] = json.loads(opened.metadata()["progress"])["curve"]
            return curve
    return []


def mark(folder: Path) -> None:
    """Put another loss into the checkpoint, by which one can see that it was used."""
    (path,) = (folder / ".checkpoints").glob("*.safetensors")
    with safe_open(path, "np") as opened:
        progress = json.loads(opened.metadata()["progress"])
    progress["curve"][0]["loss"] = MARK
    save_file(load_file(path), path, metadata={"progress": json.dumps(progress)})


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(
    featurized: Path, whole: Path, tmp_path: Path
) -> None:
    """After kill -9 the stage, run again, goes on, leaves the artifact of an uninterrupted run, no state, no noise."""
    folder = copied(featurized, tmp_path / "folder")
    with chdir(folder):
        set_params("train", seeds=[1])()
        set_params("train.encoder", save_minutes=0.0)()
    process = subprocess.Popen(**command(folder), start_new_session=True)
    until(lambda: len(curve_so_far(folder)) > 0, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (folder / "models/classifier/manifest.json").exists()
    mark(folder)
    assert noise(run(folder)) == []
    assert read_json(folder / "plots/training.json", "")[0]["loss"] == MARK
    same, expected = artifact(folder), artifact(whole)
    del same["manifest.json"], expected["manifest.json"]  # which names save_minutes and the seeds
    assert same == expected
    assert not list((folder / ".checkpoints").glob("*"))


def test_two_processes_give_the_figures_of_one(featurized: Path, whole: Path, tmp_path: Path) -> None:
    """Without dropout, two processes that share each batch score as one does, and only one of them writes, one line."""
    folder = copied(featurized, tmp_path / "folder")
    with chdir(folder):
        set_params("train", processes=2, seeds=[1])()
    printed = run(folder)
    assert printed.count("train: encoder") == 1
    assert noise(printed) == []
    one, two = (read_json(place / "metrics/validation.json", "") for place in (whole, folder))
    figures = [{name: each["overall"][name] for name in metrics_of(3, rated=True)} for each in (one, two)]
    assert figures[0] == pytest.approx(figures[1], abs=1e-4)
    curves = [read_json(place / "plots/training.json", "") for place in (whole, folder)]
    assert [round(point["loss"], 4) for point in curves[0]] == [round(point["loss"], 4) for point in curves[1]]


def test_two_classes_without_a_rating_are_learnt_in_two_processes(tmp_path: Path) -> None:
    """A table of two text columns and two labels goes through all stages; both processes see the same best epoch."""
    folder, document = tmp_path / "folder", mail_params()
    write_csv(folder / MAILS, mails())
    document["featurize"]["tokens"] = {"checkpoint": write_checkpoint(folder / "tiny"), "max_tokens": 48}
    document["train"].update(refit=False, processes=2)
    document["train"]["encoder"].update(SETTINGS)
    run_stages(folder, document, "encoder", (prepare, validate, featurize))
    assert noise(run(folder)) == []
    with chdir(folder):
        evaluate.main()
    scores = read_json(folder / "metrics/validation.json", "")
    assert set(scores["overall"]) == {*metrics_of(2, rated=False), "n", "classes"}
    assert list(scores["seeds"]["values"].values()) == [scores["overall"]["average_precision"]]
    asked = load_classifier(folder / "models/classifier").probabilities([{"subject": "a", "body": "b"}])
    assert asked.shape == (1, 2)


def test_torchrun_and_its_processes_are_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torchrun starts Python itself otherwise, which would look for libraries in the current folder."""
    started: list[list[str]] = []
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(os, "execve", lambda _, words, __: started.append(words))
    restart_under_torchrun(2, several=True)
    ((program, option, *words),) = started
    assert (program, option) == (sys.executable, "-I")
    assert words[words.index("--no-python") + 1 :][:3] == [sys.executable, "-I", "-u"]


def test_processes_meet_again_however_late_one_comes(tmp_path: Path) -> None:
    """One training after another, as for several seeds, goes well also where the leading process is the last."""
    script = tmp_path / "meetings.py"
    script.write_text(
        "import time\n"
        "from verdict.classifier.training.torchrun import leave_process_group\n"
        "from verdict.classifier.models.encoder.distributed import join_processes\n"
        "for _ in range(3):\n"
        "    with join_processes('cpu') as world:\n"
        "        assert world.all_sum(1.0) == 2.0\n"
        "    time.sleep(0.3 if world.is_main else 0)\n"
        "leave_process_group()\n",
        encoding="utf-8",
    )
    started = command(tmp_path)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    process = subprocess.run(**{**started, "args": torchrun}, check=False, timeout=TIMEOUT)
    assert process.returncode == 0, process.stdout


def test_processes_are_refused_before_any_is_started(whole: Path, tmp_path: Path) -> None:
    """A kind of model that trains in one process is refused once, without torchrun's report."""
    folder = copied(whole, tmp_path / "folder")
    with chdir(folder):
        set_params("train", model="linear", processes=2)()
    process = subprocess.run(**command(folder), check=False, timeout=TIMEOUT)
    assert process.returncode == 1
    assert process.stdout.startswith("error: params.yaml: train.processes: linear trains in one process")
    assert "Traceback" not in process.stdout


def test_the_artifact_is_evaluated_like_any_other(whole: Path, tmp_path: Path) -> None:
    """The stage evaluate scores the text of the test split with it; manifest and predictions say what it is."""
    folder = copied(whole, tmp_path / "folder")
    with chdir(folder):
        evaluate.main()
    assert read_json(folder / "metrics/evaluation.json", "")["overall"]["n"] > 0
    manifest = load_manifest(folder / "models/classifier")
    assert (manifest.kind, manifest.representation) == ("encoder", "tokens")
    assert set(manifest.train["encoder"]) > {"epochs", "dropout"}
    assert load_classifier(folder / "models/classifier").probabilities(["a lovely lamp"]).shape == (1, 3)
