"""DVC as a program, for what it cannot do, or not safely, inside this process."""

import subprocess
import sys
from pathlib import Path

from classifier.errors import VerdictError
from review.environment import Names, environment


def command(*arguments: str) -> list[str]:
    """A command line of DVC, by this very interpreter; no file of the working folder can pass for a library."""
    return [sys.executable, "-P", "-m", "dvc", *arguments]


def dvc(
    root: Path, *arguments: str, remedy: str = "mend that, and do the same again", variables: Names | None = None
) -> str:
    """What a DVC command prints; `VerdictError` with DVC's own reason when it fails.

    Never with --quiet, which hides the reason, too.
    """
    done = subprocess.run(
        command(*arguments),
        cwd=root,
        env=environment(variables),
        check=False,
        capture_output=True,
        text=True,
        process_group=0,
    )
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[-400:] or f"exit code {done.returncode}"
        raise VerdictError(f"dvc {' '.join(arguments[:2])}", reason, remedy)
    return done.stdout
