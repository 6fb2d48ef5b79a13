"""git as a program: every call to it, in the environment of `verdict.repo.environment`.

Nothing waits without a limit: a server may never answer, and in a partial clone any command may ask one.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.environment import StringMap, child_environment

TIMEOUT = 300.0  # the longest that a git command may take
_CHECKOUT = "run in a checkout of the repository, with its history"


def git(
    root: Path, *arguments: str, stdin: str = "", variables: StringMap | None = None, settings: StringMap | None = None
) -> str:
    """What a git command prints; `VerdictError` with git's own reason when it fails."""
    # File names are bytes to git, and need not be UTF-8.
    printed = git_bytes(root, *arguments, stdin=stdin.encode(), variables=variables, settings=settings)
    return printed.decode("utf-8", errors="replace")


def git_bytes(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: StringMap | None = None,
    settings: StringMap | None = None,
) -> bytes:
    """The bytes that a git command prints; otherwise as `git`."""
    done = run_git(root, *arguments, stdin=stdin, variables=variables, settings=settings)
    if done.returncode:
        raise git_error(arguments[0], done)
    return done.stdout


def project_prefix(root: Path) -> Path:
    """Where in its git repository the project at `root` lies: `.` unless git's root is further up."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-prefix").removesuffix(b"\n")))


def toplevel(root: Path) -> Path:
    """The root of the git repository that the project at `root` is in."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


def git_error(command: str, done: subprocess.CompletedProcess[bytes]) -> VerdictError:
    """Why a git command failed, in its own words, with the remedy that they ask for."""
    reason = " ".join(done.stderr.decode("utf-8", errors="replace").split()) or f"exit code {done.returncode}"
    told, asked, remedy = reason.partition("To add an exception for this directory, call: ")
    if not asked:  # that it is another user's folder, as in a container
        full = "unable to write" in reason or "No space left" in reason
        remedy = "check that the disk has room (df -h . /tmp)" if full else _CHECKOUT
    return VerdictError(f"git {command}", told.strip(), remedy)


def run_git(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: StringMap | None = None,
    settings: StringMap | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a git command that may fail; variables and settings as in `child_environment`.

    Raises:
        VerdictError: it did not end in `SECONDS`, or there is no git.
    """
    command = ["git", *arguments]
    if shutil.which("git") is None:
        raise VerdictError("git", "is not installed, or not on PATH", "install git, such as by apt-get install git")
    pipe, surroundings = subprocess.PIPE, child_environment(variables, settings)
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, stderr=pipe, env=surroundings) as process:
        try:
            printed, said = process.communicate(stdin, TIMEOUT)
        except subprocess.TimeoutExpired:
            _end(process.pid)
            remedy = "see whether its server answers: git ls-remote; then do the same again"
            raise VerdictError(f"git {arguments[0]}", f"did not end within {TIMEOUT:g} s", remedy) from None
        except BaseException:
            _end(process.pid)
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed, said)


def first_bytes(root: Path, most: int, *arguments: str) -> bytes:
    """The first `most` bytes that a git command prints; what would print without end is ended."""
    command, surroundings = ["git", *arguments], child_environment()
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=root, stdin=nothing, stdout=pipe, stderr=nothing, env=surroundings) as process:
        printed = process.stdout.read(most) if process.stdout else b""
        if len(printed) == most:
            _end(process.pid)
    if process.returncode and len(printed) < most:
        raise VerdictError(f"git {arguments[0]}", f"exit code {process.returncode}", _CHECKOUT)
    return printed


def _end(number: int) -> None:
    """End a process and those below it: git waits for its helpers, such as ssh, and we would for their output."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(number)
        for one in [*process.children(recursive=True), process]:
            with suppress(psutil.Error):
                one.kill()
