"""Helpers of the stand-ins: inputs, working folder, and the runner's files for outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn


def get_input(name: str, default: str = "") -> str:
    """An input of the action; empty is the same as absent, as it mostly is for the real ones."""
    value = json.loads(os.environ["STANDIN_INPUTS"]).get(name)
    return str(value if value is not None else "") or default


def get_flag(name: str, default: str = "false") -> bool:
    """An input that is true or false."""
    value = get_input(name, default).lower()
    if value not in ("true", "false"):
        fail(f"input {name} is {value!r}, neither true nor false")
    return value == "true"


def get_lines(name: str) -> list[str]:
    """An input of several lines."""
    return [line.strip() for line in get_input(name).splitlines() if line.strip()]


def workspace() -> Path:
    """The workspace."""
    return Path(os.environ["GITHUB_WORKSPACE"])


def setting(name: str) -> str:
    """A setting of the harness."""
    return os.environ[f"STANDIN_{name}"]


def output(**values: object) -> None:
    """Write outputs of the step; an underscore becomes a hyphen."""
    _append("GITHUB_OUTPUT", "".join(f"{name.replace('_', '-')}={value}\n" for name, value in values.items()))


def export(**values: str) -> None:
    """Set environment variables of later steps."""
    _append("GITHUB_ENV", "".join(f"{name}={value}\n" for name, value in values.items()))


def add_path(entry: Path) -> None:
    """Put a folder first in PATH of later steps."""
    _append("GITHUB_PATH", f"{entry}\n")


def mask(value: str) -> None:
    """Keep a value out of the log."""
    print(f"::add-mask::{value}")


def warn(message: str) -> None:
    """Print a warning."""
    print(f"::warning::{message}")


def fail(message: str) -> NoReturn:
    """Print an error and end the step."""
    print(f"::error::{message}")
    sys.exit(1)


def git(*arguments: str, at: Path | None = None) -> str:
    """Run git; return its output. A failure fails the step."""
    process = subprocess.run(
        ["git", *arguments],
        check=False,
        cwd=at or workspace(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.returncode:
        fail(f"git {' '.join(arguments)}: exit {process.returncode}: {process.stdout}")
    return process.stdout.strip()


def _append(variable: str, text: str) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.write(text)
