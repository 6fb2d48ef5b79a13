"""Pins what moves the last digits: thread counts and the instruction sets of the math libraries.

A sum of floats depends on its order, and the order depends on how many threads and which vector width a library picks
on this processor. Pinned to one thread and to AVX2, an x86-64 laptop and a server give the same bytes. The libraries
read these variables once, while they are loaded, so `classifier/__init__.py` sets them before anything else is
imported: a user cannot forget them, and a shell cannot override them.
"""

import os
import platform

_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
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
# Without it cuBLAS may choose another split of the same sum in every run.
_CUDA = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def _is_x86() -> bool:
    return platform.machine().lower() in {"x86_64", "amd64"}


def settings() -> dict[str, str]:
    """The environment variables that `pin` sets on this machine."""
    return {**_THREADS, **_CUDA, **(_X86 if _is_x86() else {})}


def pin() -> None:
    """Set the math libraries' variables in this process and those that it starts."""
    os.environ.update(settings())


def hardware_class(device: str = "cpu") -> str:
    """Name the class of machines within which the same inputs give the same bytes.

    Args:
        device: `cpu`, or a torch device such as `cuda` or `cuda:1`.

    Returns:
        For a CPU its architecture and the pinned instruction set (`x86_64-avx2`), for a GPU its model.
    """
    if device == "cpu":
        return "x86_64-avx2" if _is_x86() else platform.machine().lower()
    import torch

    return torch.cuda.get_device_name(torch.device(device)).replace(" ", "-")
