"""`pip install` that only checks whether all is installed, in 0.1 instead of 3 seconds; otherwise it runs pip."""

import argparse
import os
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.workflows.standins.step import setting


def satisfied(arguments: list[str]) -> bool:
    """Return whether `pip install` with these arguments would have nothing to do."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("command", choices=["install"])
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--disable-pip-version-check", action="store_true")
    parser.add_argument("--no-deps", action="store_true")
    parser.add_argument("--requirement", type=Path, action="append", default=[])
    parser.add_argument("--constraint", type=Path, action="append", default=[])
    parser.add_argument("--index-url")
    parser.add_argument("packages", nargs="*")
    try:
        options = parser.parse_intermixed_args(arguments)
    except (argparse.ArgumentError, SystemExit):
        return False
    pins = {name: pin for file in options.requirement + options.constraint for name, pin in _pins(file).items()}
    packages = {name: pin for file in options.requirement for name, pin in _pins(file).items()}
    for package in options.packages:
        name, _, pin = package.partition("==")
        if package == "./install":
            name, pin = "verdict-finder", "1"
        packages[name] = pin or pins.get(name, "")
    return all(_installed(name, pin) for name, pin in packages.items())


def _pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", file.read_text(encoding="utf-8"), re.MULTILINE))


def _installed(name: str, pin: str) -> bool:
    try:
        return not pin or version(name).partition("+")[0] == pin
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    if satisfied(sys.argv[1:]):
        sys.exit(0)
    os.execv(setting("PYTHON"), [setting("PYTHON"), "-m", "pip", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
