"""Run one stage's command in a folder that holds its dependencies alone; DVC starts this in place of a shell.

It needs nothing but Python's own library.
`python -I -S stage_shell.py PLAN -c COMMAND`, with the stage's name in DVC_STAGE. The dependencies are linked into an
empty folder, the command runs there, and what it wrote goes back to where it belongs. Where Linux has Landlock, the
repository, its cache and its local remotes cannot be read meanwhile, by any path, in any language.
"""

import ctypes
import importlib.util
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> int:
    """Run the stage that DVC names; its exit code, or 128 and the signal that ended it."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    root = Path(plan["root"])
    stage = plan["stages"][os.environ["DVC_STAGE"]]
    tree = Path(plan["trees"]) / str(os.getpid())
    try:
        linked = _lay_out(root, tree, stage)
        code = _run(plan, stage, tree)
        _take_back(root, tree, linked)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return code


def _lay_out(root: Path, tree: Path, stage: dict[str, Any]) -> dict[Path, tuple[int, int]]:
    """Link the dependencies into the tree; each file with its inode and time of change."""
    for path in stage["writes"]:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / stage["folder"]).mkdir(parents=True, exist_ok=True)
    for name in stage["reads"]:
        for path in _files(root / name):
            target = tree / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = Path(os.path.realpath(path))
            try:
                os.link(source, target)
            except FileExistsError:  # a dependency within another
                continue
            except OSError:  # another disk, or one without links
                shutil.copy2(source, target)
    return {path: _state(path) for path in _files(tree)}


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(folder, name) for name in names)


def _state(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns


def _run(plan: dict[str, Any], stage: dict[str, Any], tree: Path) -> int:
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            landlock = _landlock()
            if landlock.version() > 0:
                allowed = [tree, *map(Path, plan["open"])]
                landlock.deny_reading(map(Path, plan["closed"]), allowed)
            os.chdir(tree / stage["folder"])
            os.execv(plan["shell"][0], [*plan["shell"], *sys.argv[2:]])  # noqa: S606 - it is the shell
        except BaseException as error:
            print(f"error: cannot start the stage: {error}", file=sys.stderr)
            os._exit(126)
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C reaches the child by itself
        signal.signal(number, lambda sent, _: os.kill(child, sent) if sent == signal.SIGTERM else None)
    return abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _landlock() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landlock", Path(__file__).with_name("landlock.py"))
    if spec is None or spec.loader is None:
        raise ImportError("landlock.py must lie beside this file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _take_back(root: Path, tree: Path, linked: dict[Path, tuple[int, int]]) -> None:
    """Move what the command wrote to where it belongs."""
    for path in list(_files(tree)):
        if linked.get(path) != _state(path):
            target = root / path.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


if __name__ == "__main__":
    sys.exit(main())
