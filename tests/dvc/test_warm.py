"""A warm program is the process that a cold one would be: its code, its variables, its streams, its end."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import warm

# A package of the current folder that the server runs, as it runs the project's.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
what = sys.argv[1]
if what == "tell":
    print(sys.argv[2:], os.getcwd(), os.environ["TOLD"], sys.stdin.read(), os.getpid())
    print("on the other stream", file=sys.stderr)
elif what == "end":
    sys.exit(int(sys.argv[2]) if sys.argv[2].isdigit() else sys.argv[2])
elif what == "raise":
    raise ValueError("wrong")
elif what == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
else:
    Path("began").write_text(str(os.getpid()))
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program in place of a package of the project."""
    (tmp_path / "verdict").mkdir()
    (tmp_path / "verdict/__init__.py").touch()
    (tmp_path / "verdict/__main__.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def started(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """The program, started warm."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PATH": warm.path(), "TOLD": "so", **variables}
    command = ["python", "-I", "-m", "verdict", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background may have had Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def test_arguments_folder_variables_and_streams_are_those_of_the_caller(folder: Path) -> None:
    """The program gets all of these from the caller, in a process of the server."""
    process = started(folder, "tell", "a b", "c")
    printed, errors = process.communicate("typed", timeout=60)
    assert printed.startswith(f"['a b', 'c'] {folder} so typed ")
    assert int(printed.split()[-1]) != process.pid
    assert errors == "on the other stream\n"


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        (("end", "0"), 0, ""),
        (("end", "7"), 7, ""),
        (("end", "why"), 1, "why\n"),
        (("raise",), 1, "ValueError: wrong\n"),
        (("kill",), -signal.SIGKILL, ""),
    ],
)
def test_it_ends_as_its_program_does(folder: Path, what: tuple[str, ...], code: int, said: str) -> None:
    """Exit codes, messages and signals come through."""
    process = started(folder, *what)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.endswith(said)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_signal_reaches_the_program(folder: Path, number: signal.Signals, code: int) -> None:
    """Polite ones are passed on; a caller that is killed takes its program along."""
    process = started(folder, "wait")
    program = waited(folder / "began")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    for _ in range(3000):
        if not Path(f"/proc/{program}").exists():
            return
        time.sleep(0.02)
    raise AssertionError("the program goes on")


def waited(path: Path) -> int:
    """The number in a file that will be there."""
    for _ in range(3000):
        if path.exists() and (text := path.read_text(encoding="utf-8")):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"no {path}")


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONPATH": "x"}, {"LC_ALL": "C"}, {"VERDICT_TESTS_COLD": "1"}],
    ids=lambda found: next(iter(found)),
)
def test_what_changes_how_python_starts_is_left_to_python(folder: Path, variables: dict[str, str]) -> None:
    """With such variables the process that was started is the program."""
    process = started(folder, "tell", **variables)
    printed, _ = process.communicate("", timeout=60)
    assert int(printed.split()[-1]) == process.pid


def test_an_isolated_stage_starts_cold(tmp_path: Path) -> None:
    """A stage that is confined to a folder gets no process outside of it."""
    place = tmp_path / ".dvc/tmp/stages/1/2"
    (place / "verdict").mkdir(parents=True)
    (place / "verdict/__init__.py").touch()
    (place / "verdict/__main__.py").write_text(PROGRAM, encoding="utf-8")
    process = started(place, "tell")
    printed, _ = process.communicate("", timeout=60)
    assert int(printed.split()[-1]) == process.pid
