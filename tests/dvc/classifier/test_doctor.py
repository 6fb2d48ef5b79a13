"""Tests of verdict/ci/run/doctor.py: what a machine lacks is made up, so that no test needs a GPU."""

import ctypes
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.conftest import ROOT
from tests.documents import load, save
from verdict.base.errors import VerdictError
from verdict.base.numerics import settings
from verdict.ci.run import doctor


def cuda(patch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    """Let torch be a build for CUDA that finds a GPU, or fails with `error`."""

    def init() -> None:
        if error:
            raise error

    patch.setattr(torch.version, "cuda", "13.0")
    patch.setattr(torch.cuda, "init", init)
    patch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA L4")


def landlock(patch: pytest.MonkeyPatch, version: int) -> None:
    """Let the kernel answer with this version."""
    patch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(syscall=lambda *_: version))


def threads(patch: pytest.MonkeyPatch) -> None:
    """Let torch use four threads."""
    patch.setattr(torch, "get_num_threads", lambda: 4)


def instructions(patch: pytest.MonkeyPatch) -> None:
    """Let the processor lack AVX2."""
    patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")


def no_torch(patch: pytest.MonkeyPatch) -> None:
    """Let torch be missing."""
    patch.setitem(sys.modules, "torch", None)


def full_disk(patch: pytest.MonkeyPatch) -> None:
    """Let 1 GiB be free."""
    patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))


def no_landlock(patch: pytest.MonkeyPatch) -> None:
    """Let CI run on a kernel without Landlock."""
    patch.setenv("CI", "true")
    landlock(patch, -1)


def cpu_build(patch: pytest.MonkeyPatch) -> None:
    """Let torch be a build for the CPU."""
    patch.setattr(torch.version, "cuda", None)


def old_driver(patch: pytest.MonkeyPatch) -> None:
    """Let the driver be too old; torch reports it with hints below."""
    cuda(patch, RuntimeError("The NVIDIA driver on your system is too old\nCUDA kernel errors might be"))


def other_bytes(patch: pytest.MonkeyPatch) -> None:
    """Let the second product differ from the first."""
    patch.setattr(torch, "equal", lambda *_: False)


def no_numbers(patch: pytest.MonkeyPatch) -> None:
    """Let each product be NaN, twice the same."""
    patch.setattr(torch, "randn", lambda *shape, **how: torch.full(shape, float("nan"), **how))
    patch.setattr(torch, "equal", lambda *_: True)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (full_disk, "cpu disk: 1 GiB free, 2 wanted"),
        (no_landlock, "cpu Landlock: this kernel has none"),
        (threads, "cpu determinism: torch's threads is 4, not 1"),
        (instructions, "cpu processor: no AVX2, torch uses DEFAULT"),
        (other_bytes, "cpu cpu: the same calculation gave other bytes the second time"),
        (no_numbers, "cpu cpu: the same calculation gave other bytes the second time, or no numbers"),
        (cpu_build, f"cuda torch: {torch.__version__} is a build for the CPU"),
        (old_driver, "cuda:1 cuda:1: The NVIDIA driver on your system is too old"),
    ],
)
def test_each_fault_is_told_alone_with_a_remedy(
    fault: Callable[[pytest.MonkeyPatch], None],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One fault is one error, which says where, what, and what to do; the other facts are printed all the same."""
    device, _, message = told.partition(" ")
    fault(monkeypatch)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda _: None)
    assert not doctor.doctor(device, ROOT)
    printed = capfd.readouterr()
    first, remedy = printed.err.splitlines()
    assert first.startswith(f"error: {message}")
    assert len(remedy.removeprefix("  remedy: ").split()) >= 3
    assert len(printed.out.splitlines()) == 5
    assert printed.out.splitlines()[-1].split() == ["serves", "no"]


def test_a_gpu_is_named_with_its_class_and_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's line has the GPU's model, which is its hardware class, and the version of CUDA."""
    cuda(monkeypatch)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda _: None)
    randn = torch.randn
    monkeypatch.setattr(torch, "randn", lambda *shape, **how: randn(*shape, **{**how, "device": "cpu"}))
    assert doctor.calculates("cuda:0") == "cuda:0: NVIDIA-L4, CUDA 13.0"


def test_a_missing_torch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that cannot be imported is an error with the way to install it, not a traceback."""
    no_torch(monkeypatch)
    with pytest.raises(VerdictError, match="torch: import of torch halted") as raised:
        doctor.numbers()
    assert raised.value.remedy == "pip install -r requirements.txt"


@pytest.mark.parametrize("name", ["CUBLAS_WORKSPACE_CONFIG", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("value", [None, "4"])
def test_a_setting_that_is_not_in_force_is_named(name: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed or missing variable of the math libraries is an error on a CPU, too."""
    monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(VerdictError, match=f"determinism: {name} is {value}, not {settings()[name]}"):
        doctor.numbers()


@pytest.mark.parametrize(("version", "shown"), [(-1, "none: this kernel has no Landlock"), (4, "Landlock 4")])
def test_a_laptop_without_landlock_serves_and_says_so(
    version: int, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only CI needs Landlock; the doctor says on every machine whether it is there."""
    monkeypatch.delenv("CI", raising=False)
    landlock(monkeypatch, version)
    assert doctor.isolation() == shown


def test_by_default_it_serves_what_params_yaml_trains_on(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without `--device` the question is train.device of params.yaml: a torch for the CPU fails where that is cuda."""
    shutil.copy(ROOT / "requirements.txt", workspace)
    cpu_build(monkeypatch)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda _: None)
    document = load(workspace / "params.yaml")
    assert doctor.doctor(None)
    document["train"]["device"] = "cuda"
    save(workspace / "params.yaml", document)
    assert not doctor.doctor(None)
    assert "error: torch: " in capfd.readouterr().err


def test_pins_are_compared_without_the_suffix_of_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch 2.13.0+cpu is the pinned 2.13.0; another patch release and a missing package are not what is pinned."""
    path = tmp_path / "requirements.txt"
    path.write_text("# a comment\nTorch==2.13.0   # via x\nnumpy==2.4.6\nno-such-package==1.0\n", encoding="utf-8")
    versions = {"Torch": "2.13.0+cpu", "numpy": "2.4.5"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(VerdictError) as raised:
        doctor.pins(path)
    assert raised.value.what == "numpy 2.4.5, pinned 2.4.6; no-such-package is missing, pinned 1.0"
    versions |= {"numpy": "2.4.6", "no-such-package": "1.0"}
    assert doctor.pins(path) == "all 3 installed"


def run_doctor(*options: str) -> subprocess.CompletedProcess[str]:
    """The command itself, in this repository."""
    command = [sys.executable, "-I", "-m", "verdict", "doctor", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_examines_this_machine() -> None:
    """On the real machine it finds all pins of requirements.txt, and exits with what it says."""
    done = run_doctor("--device", "cpu")
    pinned = re.findall(r"^[^#\s]+==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"pins       all {len(pinned)} installed" in done.stdout
    assert len(pinned) > 100
    assert done.returncode == (0 if done.stdout.endswith("serves     yes\n") else 1)


def test_the_checkout_that_it_must_serve_may_be_another(tmp_path: Path) -> None:
    """With --root, main's code asks for the pins and the device of another checkout."""
    (tmp_path / "requirements.txt").write_text("no-such-package==1.0\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text("train: {device: 'cuda:99'}\n", encoding="utf-8")
    done = run_doctor("--root", str(tmp_path))
    assert done.returncode == 1
    assert "no-such-package is missing, pinned 1.0" in done.stderr
    assert re.search(r"error: (cuda:99|torch): ", done.stderr)


def test_a_device_of_another_kind_is_refused() -> None:
    """A device that params.yaml could not name is refused on the command line."""
    done = run_doctor("--device", "tpu")
    assert done.returncode == 2
    assert "'tpu' is none of cpu, cuda and cuda:N" in done.stderr


def test_a_driver_that_hangs_is_not_waited_for() -> None:
    """A check that never ends is given up with code 1, and the place where it stood is printed."""
    code = (
        "import threading; from verdict.ci.run import doctor; doctor._SECONDS = 0.2\n"
        "def hanging_driver(root): threading.Event().wait()\n"
        "doctor.pins, doctor.disk = str, hanging_driver; doctor.doctor('cpu')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "in hanging_driver" in done.stderr
    assert "serves" not in done.stdout
