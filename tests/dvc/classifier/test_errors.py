"""A program's output arrives, or its exit code says that it did not."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

from tests.conftest import ROOT

PROGRAM = r"""
import sys
from verdict.base.errors import VerdictError, exit_code
def main():
    print("0.87 \u2192 0.86, [\u22120.03,\u00a0+0.01] \u2026 Bj\u00f8rn \udcff")
    if "--fail" in sys.argv:
        raise VerdictError("Bj\u00f8rn", "\u22121 \u00d7 \u65e5\u672c", "\u2192")
    if "--exit" in sys.argv:
        sys.exit(0)
sys.exit(exit_code(main))
"""


def program(
    *arguments: str, before: Callable[[], None] | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a program that prints what few encodings have."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        env={**os.environ, **(variables or {})},
        preexec_fn=before,
    )


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "no UTF-8"],
)
def test_a_stream_without_a_letter_gets_the_nearest(variables: dict[str, str]) -> None:
    """Arrows and minus signs become ASCII, other letters an escape, on both streams; the exit code stays."""
    done = program("--fail", variables=variables)
    assert done.returncode == 1
    assert done.stdout == b"0.87 -> 0.86, [-0.03, +0.01] ... Bj\\xf8rn \\udcff\n"
    assert done.stderr == b"error: Bj\\xf8rn: -1 x \\u65e5\\u672c\n  remedy: ->\n"


def test_a_stream_keeps_the_letters_that_it_has() -> None:
    """UTF-8 carries all but what is no letter, and latin-1 its own."""
    assert (
        program(variables={"PYTHONIOENCODING": "utf-8"})
        .stdout.decode()
        .startswith("0.87 → 0.86, [−0.03,\u00a0+0.01] … Bjørn \\udcff")
    )
    assert (
        program(variables={"PYTHONIOENCODING": "latin-1"}).stdout
        == b"0.87 -> 0.86, [-0.03,\xa0+0.01] ... Bj\xf8rn \\udcff\n"
    )


@pytest.mark.parametrize("arguments", [(), ("--exit",), ("--fail",)], ids=["returns", "exits", "fails"])
def test_a_closed_output_is_no_success(arguments: tuple[str, ...]) -> None:
    """With standard output closed, nothing is done: one message, and exit code 1."""
    done = program(*arguments, before=lambda: os.close(1))
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: standard output: is closed")


def test_output_that_cannot_be_written_is_no_success() -> None:
    """A full disk and a reader that has gone give exit code 1, also where the program itself would exit with 0."""

    def onto_full_disk() -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    def for_nobody() -> None:
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, 1)

    full, gone = (program("--exit", before=before) for before in (onto_full_disk, for_nobody))
    assert (full.returncode, gone.returncode) == (1, 1)
    assert full.stderr.startswith(b"error: file system: No space left on device")
    assert gone.stderr == b""


def test_a_closed_error_stream_hides_no_result() -> None:
    """With standard error closed, the result is printed, and no error message among it."""
    assert program(before=lambda: os.close(2)).returncode == 0
    assert b"error" not in program("--fail", before=lambda: os.close(2)).stdout
