"""Warm starts of programs in tests: slow imports are done once, not by each program.

A server, one for each worker of pytest, has imported the libraries, and forks for each program. The forked process has
the arguments, folder, environment and streams of its caller, runs the code of its folder, gets the same signals, and
ends with the same code. The client is the first `python` in PATH of the clones; with other options, with variables for
Python, or in an isolated stage it starts cold.
"""

import atexit
import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

_HERE = Path(__file__).parent
# As set-up installs them, but for `-I`.
_SCRIPTS = {"dvc": "dvc.cli", "verdict": "verdict_finder"}


def path() -> str:
    """A PATH that finds a warm `python`, `dvc` and `verdict` first."""
    return first(python())


def cold_path() -> str:
    """A PATH that finds this interpreter's own programs first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def first(python: Path) -> str:
    """A PATH that finds this `python` first."""
    return os.pathsep.join([str(python.parent), cold_path()])


def interpreter(folder: Path, **modules: str) -> Path:
    """Make an environment in `folder` with the libraries of this one, and modules before them.

    `python -I` imports these modules; it would ignore PYTHONPATH.

    Args:
        folder: must not exist.
        modules: source by name; `at_start` runs at every start. `sitecustomize` would not work where the system has
            one.

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


def warm_interpreter(folder: Path, at_start: str = "") -> Path:
    """Make an environment in `folder` whose `python`, `dvc` and `verdict` are warm, and run `at_start` before that."""
    source = (_HERE / "client.py").read_text(encoding="utf-8")
    source = source.replace('SERVER = ""', f"SERVER = {_server()[0]!r}")
    source = source.replace('"dict[str, str]" = {}', f'"dict[str, str]" = {_settings()}')
    python = interpreter(folder, before=at_start, client=source)
    site_packages = next(folder.glob("lib/*/site-packages"))
    (site_packages / "a.pth").write_text("import before, client\n", encoding="utf-8")  # before the libraries
    for name, module in _SCRIPTS.items():
        script = folder / "bin" / name
        script.write_text(f"#!{python} -I\nfrom {module} import main\nraise SystemExit(main())\n", encoding="utf-8")
        script.chmod(0o755)
    return python


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "LC_", "LANG", "LD_"))}


@cache
def python() -> Path:
    """The warm Python of this process."""
    return warm_interpreter(Path(_server()[0]).with_name("python"))


@cache
def _server() -> "tuple[str, subprocess.Popen[str]]":
    """Start the server; its address, and the process. It ends when this process does."""
    from verdict.base.numerics import settings

    pins = settings()  # the libraries read these when they are imported, and each program pins them
    folder = mkdtemp(prefix="warm-")
    atexit.register(rmtree, folder, ignore_errors=True)
    address = f"{folder}/server"
    command = [sys.executable, "-I", "-X", "utf8", str(_HERE / "server.py"), address]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, env={**os.environ, **pins}, start_new_session=True, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return address, process
