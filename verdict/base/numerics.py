"""Pins what changes the last digits of a result: thread counts and instruction sets of the math libraries.

A sum of floats depends on its order, and the order depends on how many threads and which vector width a library picks
on this processor. Pinned to one thread and to AVX2, an x86-64 laptop and a server give the same bytes. The libraries
read these variables once, while they are loaded, so every entry point (stages/__init__.py,
verdict/__main__.py) sets them before it imports anything else: a user cannot forget them, and a shell cannot override
them. Importing the library sets nothing: that is left to a service that hosts it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Waiting threads sleep: on a busy machine, spinning ones made a training five times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
}
# "COMPATIBLE" rather than "AVX2": MKL honours the named instruction sets on Intel's processors alone.
_X86 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # numpy's own names for everything above AVX2; what a processor lacks anyway is ignored.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# A transformer is nearly all matrix products, which MKL's COMPATIBLE makes four times slower. On Intel's processors it
# honours AVX2; elsewhere there is no such promise, and COMPATIBLE stays.
_INTEL = {"MKL_CBWR": "AVX2"}
# One number for laptop and server: the sums of a backward pass depend on how many threads share them.
ENCODER_THREADS = 2
# pandas sums and evaluates by the first two, torch orders its products by the third; each changes the last digits.
_ACCELERATORS = ("bottleneck", "numexpr", "opt_einsum")
# Without it cuBLAS may split the same sum differently in every run.
_CUDA = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def _is_x86() -> bool:
    return _machine() in {"x86_64", "amd64"}


def _machine() -> str:
    return os.uname().machine.lower()


def settings() -> dict[str, str]:
    """The environment variables that `pin` sets on this machine."""
    return {**_THREADS, **_CUDA, **(_X86 if _is_x86() else {})}


def pin() -> None:
    """Set the math libraries' variables in this process and those that it starts."""
    os.environ.update(settings())


def refuse_accelerators() -> None:
    """Keep libraries from importing optional accelerators, which our pins lack and which change the last digits."""
    for name in _ACCELERATORS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's own sign for it


def pin_torch(deterministic: bool) -> None:
    """Set what torch's libraries read when they are loaded, for an encoder; too late once torch was imported.

    Args:
        deterministic: pinned to what all processors of the class share; else the fastest instructions of this machine.
    """
    if deterministic:
        os.environ.update(_INTEL if _is_intel() else {})
    else:
        for name in _X86:
            os.environ.pop(name, None)


@contextmanager
def threads(number: int = ENCODER_THREADS) -> Iterator[None]:
    """Set the number of torch's threads for the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_intel() -> bool:
    from pathlib import Path

    try:
        return _is_x86() and "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def hardware_class(device: str = "cpu", encoder: bool = False, deterministic: bool = True) -> str:
    """Name the class of machines within which the same inputs give the same bytes.

    Args:
        device: `cpu`, or a torch device such as `cuda` or `cuda:1`.
        encoder: whether MKL's products make up the work (see `pin_torch`).
        deterministic: `train.deterministic`.

    Returns:
        For a CPU its architecture and the pinned instruction set (`x86_64-avx2`; for an encoder with Intel's name
        where it is one; `unpinned` where nothing was pinned), for a GPU its model.
    """
    if device == "cpu":
        name = "x86_64-avx2" if _is_x86() else _machine()
        if encoder and not deterministic:
            return f"{_machine()}-unpinned"
        return f"{name}-intel" if encoder and _is_intel() else name
    import torch

    return torch.cuda.get_device_name(torch.device(device)).replace(" ", "-")
