"""A Python with modules that the tests put in: what `python -I` runs, PYTHONPATH cannot reach."""

import os
import sys
import sysconfig
from pathlib import Path


def interpreter(folder: Path, **modules: str) -> Path:
    """Make an environment in `folder` with the libraries of this one, and modules before them.

    Args:
        folder: where there is nothing yet.
        modules: source of each by its name; `at_start` is run at every start. A `sitecustomize` would not be where
            the system has one of its own.

    Returns:
        The environment's Python; in its folder it is called `python`.
    """
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    settings = f"home = {python.readlink().parent}\ninclude-system-site-packages = false\n"
    (folder / "pyvenv.cfg").write_text(settings, encoding="utf-8")
    base = Path(sysconfig.get_paths()["purelib"])
    place = folder / base.relative_to(sys.prefix)
    place.mkdir(parents=True)
    (place / "libraries.pth").write_text(f"import site; site.addsitedir({str(base)!r})\n", encoding="utf-8")
    for name, source in modules.items():
        (place / f"{name}.py").write_text(source, encoding="utf-8")
    if "at_start" in modules:  # after the libraries, by its name
        (place / "then.pth").write_text("import at_start\n", encoding="utf-8")
    return python


def first(python: Path) -> str:
    """A PATH that finds this `python` first."""
    return os.pathsep.join([str(python.parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
