"""`verdict doctor`: checks that this machine can be a runner. `verdict remote` checks the remote."""

import ctypes
import faulthandler
import os
import re
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from verdict.base.documents import read
from verdict.base.errors import VerdictError
from verdict.base.numerics import hardware_class, settings

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)", re.MULTILINE)
_INSTALL = "pip install -r requirements.txt"
_LEAST_GIB = 2  # a run takes 0.2 GB for data, cache and artifact; the rest is room for a second one and for logs
_SECONDS = 120  # the first CUDA context of a machine takes some 10 s


def doctor(device: str | None, root: Path = Path()) -> bool:
    """Print what the machine has, and on standard error what is missing; return whether it can be a runner.

    A driver that hangs cannot be interrupted: after two minutes the process ends with code 1 and prints its stack.

    Args:
        device: the device that is needed, `cpu`, `cuda` or `cuda:N`; by default train.device of params.yaml.
        root: the checkout to be served, which may be another than that of this code.
    """
    faulthandler.dump_traceback_later(_SECONDS, exit=True)
    checks: dict[str, Callable[[], str]] = {
        "pins": lambda: pins(root / "requirements.txt"),
        "disk": lambda: disk(root),
        "isolation": isolation,
        "numbers": numbers,
        "device": lambda: calculates(device or _train_device(root / "params.yaml")),
    }
    failed = 0
    for name, check in checks.items():
        try:
            print(f"{name:<9}  {check()}")
        except VerdictError as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
    faulthandler.cancel_dump_traceback_later()
    print(f"{'serves':<9}  {'no' if failed else 'yes'}")
    return not failed


def pins(path: Path) -> str:
    """Require each package in its pinned version; a build's suffix (`+cpu`) is ignored."""
    if not path.is_file():
        raise VerdictError(str(path), "no such file", "run from the root of the repository")
    pinned = dict(_PIN.findall(path.read_text(encoding="utf-8")))
    installed = {name: _installed(name) for name in pinned}
    if wrong := [f"{name} {installed[name]}, pinned {pin}" for name, pin in pinned.items() if installed[name] != pin]:
        raise VerdictError("requirements.txt", "; ".join(wrong), _INSTALL)
    return f"all {len(pinned)} installed"


def _installed(name: str) -> str:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return "is missing"


def disk(root: Path) -> str:
    """Require room for a run."""
    free = shutil.disk_usage(root).free // 2**30
    if free < _LEAST_GIB:
        raise VerdictError("disk", f"{free} GiB free, {_LEAST_GIB} wanted", "a larger disk, or remove old images")
    return f"{free} GiB free"


def isolation() -> str:
    """Require Landlock in CI, which keeps stages from undeclared files; elsewhere only report it."""
    version = int(ctypes.CDLL(None).syscall(444, None, 0, 1))  # landlock_create_ruleset, on every architecture
    if version < 1 and os.environ.get("CI") == "true":
        raise VerdictError("Landlock", "this kernel has none", "Linux 5.13 or newer, see docs/runner.md")
    return f"Landlock {version}" if version > 0 else "none: this kernel has no Landlock"


def numbers() -> str:
    """Require the settings and the instruction set that make results reproducible, byte for byte."""
    try:
        import torch
    except (ImportError, OSError) as error:
        raise VerdictError("torch", str(error), _INSTALL) from None
    actual = {**{name: os.environ.get(name) for name in settings()}, "torch's threads": str(torch.get_num_threads())}
    expected = {**settings(), "torch's threads": "1"}
    if wrong := [f"{name} is {actual[name]}, not {value}" for name, value in expected.items() if actual[name] != value]:
        raise VerdictError("determinism", "; ".join(wrong), "find what changes them after classifier is imported")
    instructions = torch.backends.cpu.get_cpu_capability()
    if hardware_class().endswith("avx2") and instructions != "AVX2":
        raise VerdictError("processor", f"no AVX2, torch uses {instructions}", "take another type of machine")
    return f"{hardware_class()}, torch {torch.__version__}"


def calculates(device: str) -> str:
    """Require that a product's gradient, under the settings of the training, has the same bytes twice."""
    import torch

    try:
        name = "cpu" if device == "cpu" else _gpu(device)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(0)
        left, right = torch.randn(256, 512, device=device, requires_grad=True), torch.randn(512, 64, device=device)
        first, second = (torch.autograd.grad((left @ right).square().sum(), left)[0].cpu() for _ in range(2))
    except (RuntimeError, AssertionError) as error:  # after the first line come hints for developers of CUDA code
        what, remedy = str(error).partition("\n")[0], "nvidia-smi, here and on the host; docs/runner.md has the causes"
        raise VerdictError(device, what, remedy) from None
    if not (bool(torch.isfinite(first).all()) and torch.equal(first, second)):
        what = "the same calculation gave other bytes the second time, or no numbers"
        raise VerdictError(device, what, "take the machine out of service, then look at nvidia-smi -q -d ECC")
    return name


def _gpu(device: str) -> str:
    import torch

    if torch.version.cuda is None:
        remedy = f"with pip's default index: pip uninstall --yes torch && {_INSTALL}"
        raise VerdictError("torch", f"{torch.__version__} is a build for the CPU", remedy)
    torch.cuda.init()  # type: ignore[no-untyped-call]  # its error has the reason, unlike `is_available`
    return f"{device}: {hardware_class(device)}, CUDA {torch.version.cuda}"


def _train_device(path: Path) -> str:
    """Return train.device of params.yaml, and check nothing else there."""
    try:
        return str(read(path, f"git diff {path}")["train"]["device"])
    except (FileNotFoundError, TypeError, KeyError):
        raise VerdictError(str(path), "names no train.device", f"git checkout {path}, or --device cpu") from None
