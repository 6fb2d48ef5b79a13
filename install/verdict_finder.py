"""Finds the packages of this project in the current folder, and nothing else there.

Python looks for every library first in the folder that `python -m` is started in: a file of a checkout that has the
name of an optional library (bottleneck, numexpr), or of one of Python's own, would be imported in its place. So all of
this project is run as `python -I -m …`, which leaves that folder, PYTHONPATH and the user's packages out, and its
packages alone are found here: in the current folder, since each clone, worker and isolated stage runs its own code.

A .pth file of the environment imports this whenever Python starts, so it imports nothing before it is asked.
"""

import os
import sys

TYPE_CHECKING = False  # as typing has it, which would have to be imported
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

PACKAGES = frozenset({"stages", "verdict"})


class Finder:
    """The first of Python's finders: a library of the same name elsewhere must not take a package's place."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """Where a package of the project lies; None for anything else, as importlib wants it."""
        if name not in PACKAGES:
            return None
        from importlib.util import spec_from_file_location

        try:
            folder = os.path.join(os.getcwd(), name)
        except OSError:  # the current folder was removed
            return None
        file = os.path.join(folder, "__init__.py")
        if not os.path.isfile(file):
            return None
        return spec_from_file_location(name, file, submodule_search_locations=[folder])


def _is_project(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "verdict", "__main__.py"))


def _wrong_folder() -> str:
    """The message outside of a project's root, in the form of the errors of `verdict`."""
    try:
        here = os.getcwd()
    except OSError:
        return "error: the current folder: was removed\n  remedy: cd to the root of the project"
    from shlex import quote

    above = here
    while not _is_project(above) and above != os.path.dirname(above):
        above = os.path.dirname(above)
    root = quote(above) if _is_project(above) else "to the root of the project, where dvc.yaml lies"
    return f"error: {here}: not the root of the project\n  remedy: cd {root}"


def main() -> None:
    """The program `verdict`: becomes `python -I -m verdict`, the current folder's, with the same arguments."""
    if not _is_project("."):
        print(_wrong_folder(), file=sys.stderr)
        sys.exit(2)  # of commands that judge, 1 is a verdict
    os.execv(sys.executable, [sys.executable, "-I", "-m", "verdict", *sys.argv[1:]])  # noqa: S606 - no shell


sys.meta_path.insert(0, Finder)
