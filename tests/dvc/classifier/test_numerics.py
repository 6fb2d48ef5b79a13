"""Tests of verdict/base/numerics.py."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from verdict.base.numerics import hardware_class, settings

# Prints what the libraries themselves say, in a process whose shell asked for something else.
PROBE = """
import stages
import numpy, torch
from threadpoolctl import threadpool_info
import scipy.linalg, sklearn
print(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())
print({info["num_threads"] for info in threadpool_info()})
print(numpy.show_config(mode="dicts")["SIMD Extensions"].get("found"))
"""


def test_the_libraries_obey_the_pins_whatever_the_shell_says() -> None:
    """With four threads and no pins asked for in the shell, every library still runs on one thread, without AVX-512."""
    shell = {name: "4" for name in settings() if name.endswith("THREADS")}
    environment = {**{k: v for k, v in os.environ.items() if k not in settings()}, **shell}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    torch_line, threads, simd = done.stdout.strip().splitlines()
    assert torch_line.split()[0] == "1"
    assert threads == "{1}"
    if hardware_class() == "x86_64-avx2":
        assert torch_line.split()[1] in ("AVX2", "DEFAULT")
        assert "V4" not in simd
        assert "AVX512" not in simd


def test_the_hardware_class_of_a_cpu_names_no_model() -> None:
    """On x86-64 the class is the pinned instruction set, elsewhere the architecture."""
    assert hardware_class() in ("x86_64-avx2", os.uname().machine)


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG"])
def test_importing_the_package_sets_the_pins(name: str) -> None:
    """The pins are part of the environment of this process and of those that it starts."""
    assert os.environ[name] == settings()[name]
