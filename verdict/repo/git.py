"""Run git, in the environment of `verdict.repo.environment`.

Each call has a time limit: a server may never answer, and in a partial clone any command may ask one.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.environment import StringMap, child_environment

TIMEOUT = 300.0  # seconds that a git command may take
_CHECKOUT = "run in a checkout of the repository, with its history"


def git(
    root: Path, *arguments: str, stdin: str = "", variables: StringMap | None = None, settings: StringMap | None = None
) -> str:
    """Return the output of a git command; `VerdictError` with git's own reason when it fails."""
    # File names are bytes to git, and need not be UTF-8.
    output = git_bytes(root, *arguments, stdin=stdin.encode(), variables=variables, settings=settings)
    return output.decode("utf-8", errors="replace")


def git_bytes(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: StringMap | None = None,
    settings: StringMap | None = None,
) -> bytes:
    """Return the output of a git command as bytes; otherwise like `git`."""
    process = run_git(root, *arguments, stdin=stdin, variables=variables, settings=settings)
    if process.returncode:
        raise git_error(arguments[0], process)
    return process.stdout


def project_prefix(root: Path) -> Path:
    """Return the project's path in its git repository: `.` unless git's root is further up."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-prefix").removesuffix(b"\n")))


def toplevel(root: Path) -> Path:
    """Return the root of the git repository that the project at `root` is in."""
    return Path(os.fsdecode(git_bytes(root, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


def git_error(command: str, process: subprocess.CompletedProcess[bytes]) -> VerdictError:
    """Return the error for a failed git command, with git's message and the remedy that fits it."""
    reason = " ".join(process.stderr.decode("utf-8", errors="replace").split()) or f"exit code {process.returncode}"
    message, advice, remedy = reason.partition("To add an exception for this directory, call: ")
    if not advice:  # git gives it for a folder of another user, as in a container
        disk_full = "unable to write" in reason or "No space left" in reason
        remedy = "check that the disk has room (df -h . /tmp)" if disk_full else _CHECKOUT
    return VerdictError(f"git {command}", message.strip(), remedy)


def run_git(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: StringMap | None = None,
    settings: StringMap | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a git command that may fail; variables and settings as in `child_environment`.

    Raises:
        VerdictError: it took longer than `TIMEOUT`, or git is not installed.
    """
    command = ["git", *arguments]
    if shutil.which("git") is None:
        raise VerdictError("git", "is not installed, or not on PATH", "install git, such as by apt-get install git")
    pipe, env = subprocess.PIPE, child_environment(variables, settings)
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, stderr=pipe, env=env) as process:
        try:
            output, errors = process.communicate(stdin, TIMEOUT)
        except subprocess.TimeoutExpired:
            _kill_tree(process.pid)
            remedy = "see whether its server answers: git ls-remote; then do the same again"
            raise VerdictError(f"git {arguments[0]}", f"did not end within {TIMEOUT:g} s", remedy) from None
        except BaseException:
            _kill_tree(process.pid)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def first_bytes(root: Path, most: int, *arguments: str) -> bytes:
    """Return the first `most` bytes of a git command's output; a command that prints more is killed."""
    command, variables = ["git", *arguments], child_environment()
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=root, stdin=null, stdout=pipe, stderr=null, env=variables) as process:
        output = process.stdout.read(most) if process.stdout else b""
        if len(output) == most:
            _kill_tree(process.pid)
    if process.returncode and len(output) < most:
        raise VerdictError(f"git {arguments[0]}", f"exit code {process.returncode}", _CHECKOUT)
    return output


def _kill_tree(pid: int) -> None:
    """Kill a process and its children: git waits for its helpers, such as ssh, and we would for their output."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.Error):
                each.kill()
