"""Tests of verdict/ci/run/doctor.py: facts are fed in, so that no test needs a GPU."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.documents import load, save
from verdict.base.numerics import settings
from verdict.ci.run import doctor, probes
from verdict.ci.run.doctor import Facts, problems, table

GIB = 2**30
TORCH = {
    "version": "2.13.0",
    "cuda": "13.0",
    "threads": 1,
    "instructions": "AVX2",
    "gpus": 1,
    "name": "NVIDIA L4",
    "class": "NVIDIA-L4",
    "memory": "22 GiB",
    "calculates": True,
}
GPU_MACHINE = Facts(
    python="3.11.7",
    processor="A processor",
    cores=4,
    memory=16 * GIB,
    memory_limit=None,
    disk_free=40 * GIB,
    environment=dict(settings()),
    hardware_class="x86_64-avx2",
    pins={"numpy": ("2.4.6", "2.4.6"), "torch": ("2.13.0", "2.13.0")},
    torch=TORCH,
    driver={"gpus": [{"name": "NVIDIA L4", "driver": "580.65.06", "memory": "23034 MiB"}]},
    remote={"name": "team", "url": "s3://bucket/store", "folder": False, "there": True},
    landlock=4,
    in_ci=True,
)
CPU_MACHINE = replace(
    GPU_MACHINE,
    torch={"version": "2.13.0+cpu", "cuda": None, "threads": 1, "instructions": "AVX2"},
    driver={"error": "no nvidia-smi"},
    remote={"name": "local", "url": ".remote", "folder": True, "there": False},
)


def torch(**changes: object) -> Facts:
    """The GPU machine, but torch says something else."""
    return replace(GPU_MACHINE, torch={**TORCH, **changes})


def old_driver(version: str) -> Facts:
    """The GPU machine with another driver."""
    return replace(GPU_MACHINE, driver={"gpus": [{"name": "NVIDIA L4", "driver": version, "memory": "1 MiB"}]})


@pytest.mark.parametrize("facts", [GPU_MACHINE, old_driver("595.1"), torch(cuda="12.9"), torch(cuda="99.1")])
def test_a_sound_gpu_machine_serves(facts: Facts) -> None:
    """Nothing is wrong with a GPU that calculates, a driver new enough, the pins and the settings."""
    assert problems(facts, "cuda", needs_remote=True) == []


@pytest.mark.parametrize(
    ("facts", "where", "what"),
    [
        (CPU_MACHINE, "torch", "a build for the CPU"),
        (replace(GPU_MACHINE, torch={"error": "no module torch"}), "torch", "no module torch"),
        (replace(GPU_MACHINE, driver={"error": "no nvidia-smi"}), "driver", "no nvidia-smi"),
        (old_driver("575.57.08"), "driver", "575.57.08 is too old: CUDA 13.0 of torch needs 580"),
        (torch(error="no kernel image is available"), "cuda", "no kernel image"),
        (torch(gpus=0), "cuda", "torch sees 0"),
        (torch(calculates=False), "cuda", "other bytes"),
        (torch(threads=4), "determinism", "4 threads"),
        (torch(instructions="DEFAULT"), "processor", "no AVX2"),
        (replace(GPU_MACHINE, disk_free=GIB), "disk", "1 GiB free"),
        (replace(GPU_MACHINE, landlock=-1), "Landlock", "could read what it does not declare"),
        (replace(GPU_MACHINE, pins={"numpy": ("2.4.6", "2.4.5")}), "requirements.txt", "numpy 2.4.5, pinned 2.4.6"),
        (replace(GPU_MACHINE, pins={"numpy": ("2.4.6", None)}), "requirements.txt", "numpy is missing"),
    ],
)
def test_each_fault_is_told_alone_with_a_remedy(facts: Facts, where: str, what: str) -> None:
    """One fault gives one problem, which says where, what, and what to do."""
    (problem,) = problems(facts, "cuda", needs_remote=False)
    assert problem.where == where
    assert what in problem.what
    assert len(problem.remedy.split()) >= 3


@pytest.mark.parametrize("name", ["CUBLAS_WORKSPACE_CONFIG", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("value", [None, "4"])
def test_a_setting_that_is_not_in_force_is_named(name: str, value: str | None) -> None:
    """A changed or missing variable of the math libraries is a problem on a CPU, too, and the table counts it out."""
    facts = replace(CPU_MACHINE, environment={**settings(), name: value})
    (problem,) = problems(facts, "cpu", needs_remote=False)
    assert problem.what == f"{name} is {value}, not {settings()[name]}"
    assert f"{len(settings()) - 1} of {len(settings())} settings" in table(facts, "cpu", [problem])


def test_what_a_gpu_lacks_does_not_matter_to_a_machine_that_serves_a_cpu() -> None:
    """A machine without a GPU serves `cpu`, and an embedded folder as the remote is said and is no problem."""
    assert problems(CPU_MACHINE, "cpu", needs_remote=False) == []
    assert ".remote), a folder of this machine, not there yet" in table(CPU_MACHINE, "cpu", [])


def test_the_second_gpu_of_a_machine_with_one_is_missing() -> None:
    """`cuda:1` needs two GPUs, `cuda:0` one."""
    assert problems(GPU_MACHINE, "cuda:0", needs_remote=False) == []
    (problem,) = problems(GPU_MACHINE, "cuda:1", needs_remote=False)
    assert problem.where == "cuda:1"


@pytest.mark.parametrize(
    ("remote", "what", "shown"),
    [
        ({"name": None}, "none is configured", "none configured"),
        ({"error": "no DVC repository"}, "no DVC repository", "not reached: no DVC repository"),
        ({"name": "a", "url": "s3://b", "error": "Forbidden"}, "s3://b: Forbidden", "a (s3://b), not reached: Forb"),
        ({"name": "a", "url": ".r", "folder": True, "there": False}, "no such folder", "the first push makes it"),
    ],
)
def test_a_remote_that_does_not_answer_matters_where_it_is_needed(
    remote: dict[str, Any], what: str, shown: str
) -> None:
    """A missing or silent remote is a line of the table, and a problem with `--remote` alone."""
    facts = replace(GPU_MACHINE, remote=remote)
    assert problems(facts, "cuda", needs_remote=False) == []
    (problem,) = problems(facts, "cuda", needs_remote=True)
    assert what in problem.what
    assert shown in table(facts, "cuda", [])


def test_a_laptop_without_landlock_serves_and_says_so() -> None:
    """Only CI asks for it; the table tells everybody."""
    facts = replace(CPU_MACHINE, landlock=-1, in_ci=False)
    assert problems(facts, "cpu", needs_remote=False) == []
    assert "isolation       none: this kernel offers no Landlock" in table(facts, "cpu", [])


def test_the_table_has_one_aligned_line_a_fact() -> None:
    """Every fact stands on one line, all values begin in one column, and the GPU's line names it, driver and CUDA."""
    lines = table(replace(GPU_MACHINE, memory_limit=8 * GIB), "cuda", []).splitlines()
    assert len({re.match(r"\S+( \S+)* {2,}", line).end() for line in lines if line}) == 1  # type: ignore[union-attr]
    rows = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in lines}
    assert rows["device"] == "cuda: NVIDIA L4, 22 GiB, driver 580.65.06, CUDA 13.0"
    assert rows["hardware class"].startswith("NVIDIA-L4")
    assert rows["memory"] == "16 GiB, of which this container may use 8 GiB"
    assert rows["pins"].startswith("2 of 2 ")
    assert rows["serves"] == "cuda"


def test_by_default_it_serves_what_params_yaml_trains_on(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without `--device` the question is train.device of params.yaml: a CPU machine fails it when that is cuda."""
    document = load(workspace / "params.yaml")
    monkeypatch.setattr(doctor, "gather", lambda device, root: CPU_MACHINE)
    assert doctor.doctor(None, needs_remote=False, as_json=False)
    document["train"]["device"] = "cuda"
    save(workspace / "params.yaml", document)
    assert not doctor.doctor(None, needs_remote=False, as_json=False)
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].endswith("no: 1 problem")
    assert "error: torch: " in told.err
    assert "remedy: " in told.err


def test_pins_are_compared_without_the_suffix_of_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch 2.13.0+cpu is the pinned 2.13.0; another patch release and a missing package are not what is pinned."""
    pins = "# a comment\nTorch==2.13.0   # via x\nnumpy==2.4.6\nno-such-package==1.0\n"
    (tmp_path / "requirements.txt").write_text(pins, encoding="utf-8")
    versions = {"Torch": "2.13.0+cpu", "numpy": "2.4.5"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(probes, "ask", lambda *_: {})
    monkeypatch.chdir(tmp_path)
    found = doctor.gather("cpu").pins
    assert found == {"Torch": ("2.13.0", "2.13.0"), "numpy": ("2.4.6", "2.4.5"), "no-such-package": ("1.0", None)}


def run_doctor(*options: str) -> subprocess.CompletedProcess[str]:
    """The command itself, in this repository."""
    command = [sys.executable, "-I", "-m", "verdict", "doctor", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_examines_this_machine() -> None:
    """On the real machine it finds all pins of requirements.txt and all settings, and exits with what it says."""
    done = run_doctor("--device", "cpu", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["serves"] else 1)
    assert told["serves"] == (told["problems"] == [])
    facts = told["facts"]
    assert facts["environment"] == settings()
    assert facts["torch"]["threads"] == 1
    pinned = re.findall(r"^[^#\s]+==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(facts["pins"]) == len(pinned) > 100
    assert "error" not in facts["remote"]


def test_a_device_that_is_not_there_ends_with_code_1() -> None:
    """The hundredth GPU is on no machine: the table is printed, and why and what to do on standard error."""
    done = run_doctor("--device", "cuda:99")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("python ")
    assert re.search(r"error: .+\n  remedy: .+", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_device_of_another_kind_is_refused() -> None:
    """What params.yaml could not name is a mistake on the command line."""
    done = run_doctor("--device", "tpu")
    assert done.returncode == 2
    assert "'tpu' is none of cpu, cuda and cuda:N" in done.stderr
