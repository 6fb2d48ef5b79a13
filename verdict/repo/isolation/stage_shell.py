"""Run one stage's command in a folder that holds its dependencies alone; DVC starts this program as its shell.

It imports the standard library alone.
`python -I -S stage_shell.py PLAN -c COMMAND`, with the stage's name in DVC_STAGE. The dependencies are copied into an
empty folder, the command runs there, all its processes are killed, and its outputs are moved to the paths of dvc.yaml.
If Linux has Landlock, the stage can neither read nor write the repository, its cache and its local remotes, by any
path, in any language.
"""

import ctypes
import importlib.util
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

_DIE_WITH_PARENT, _ADOPT = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
_DROP = 24  # PR_CAPBSET_DROP
# Capabilities by which root bypasses Landlock, e.g. to other processes' variables: CAP_DAC_READ_SEARCH, SYS_MODULE,
# SYS_RAWIO, SYS_CHROOT, SYS_PTRACE, SYS_ADMIN, MKNOD, PERFMON, BPF.
_POWERS = (2, 16, 17, 18, 19, 21, 27, 38, 39)
_COPIED = 2**24  # bytes; a larger dependency is linked, so that a stage could change the original
# Variables with keys, or with the address of a server that gives some: not for stages.
_KEYS = re.compile(
    r"(AWS|AZURE|GOOGLE|GCLOUD|GITHUB|GH|ACTIONS|RUNNER|INPUT|SSH)_.*|(.*_)?(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD)S?(_.*)?"
    r"|.*(CREDENTIAL|APIKEY|ACCESSKEY).*",
    re.IGNORECASE,
)
Laid = dict[Path, tuple[int, int]]


class RefusedError(Exception):
    """A stage reads or leaves a file that it must not."""


def main() -> int:
    """Run the stage that DVC names; its exit code, or 128 and the signal that ended it."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    stage = plan["stages"][os.environ["DVC_STAGE"]]
    tree = Path(plan["trees"]) / str(os.getpid())
    scratch = Path(tempfile.mkdtemp(prefix="stage-"))  # not in the tree: the path of a socket must be short
    try:
        laid = _lay_out(plan, stage, tree)
        code = _run(plan, stage, tree, scratch)
        _move_outputs(plan, stage, tree, laid)
    except RefusedError as error:
        print(f"error: {os.environ['DVC_STAGE']}: {error}", file=sys.stderr)
        return 1
    finally:
        for folder in (tree, scratch):
            shutil.rmtree(folder, ignore_errors=True)
    return code


def _lay_out(plan: dict[str, Any], stage: dict[str, Any], tree: Path) -> Laid:
    """Copy the dependencies into the tree; return the inode and change time of each file."""
    for path in stage["writes"]:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / stage["folder"]).mkdir(parents=True, exist_ok=True)
    for base, name in stage["reads"]:
        for path in files_in(Path(base) / name):
            target = tree / path.relative_to(base)
            source = _source(plan, stage, Path(base), path)
            counts = str(path.relative_to(base)) not in stage["ignored"]
            if counts and source.is_file() and not target.exists():  # else it is part of another dependency
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy_or_link(source, target)
    return {path: _stamp(path) for path in files_in(tree)}


def _source(plan: dict[str, Any], stage: dict[str, Any], base: Path, path: Path) -> Path:
    """Return the file behind a path; refuse a link to a file that the stage does not declare."""
    place, source = Path(os.path.realpath(base)), Path(os.path.realpath(path))
    name = path.relative_to(base)
    declared = [place / read for folder, read in stage["reads"] if folder == str(base)]
    cached = source.is_relative_to(plan["cache"]) and _within(name, stage["cached"])  # DVC's own links
    closed = any(source.is_relative_to(folder) for folder in plan["closed"])
    if closed and not cached and not any(source.is_relative_to(other) for other in declared):
        raise RefusedError(f"{name} is a link to {source}, which is not among its deps in dvc.yaml")
    return source


def _copy_or_link(source: Path, target: Path) -> None:
    if source.stat().st_size > _COPIED:
        with suppress(OSError):  # another disk, or one without links
            os.link(source, target)
            return
    shutil.copy2(source, target)


def files_in(path: Path) -> Iterator[Path]:
    """Yield all files below a path, and links, also to folders."""
    if not path.is_dir() and os.path.lexists(path):
        yield path
    for folder, folders, names in os.walk(path):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(folder, name) for name in (*names, *links))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns


def _within(path: Path, folders: list[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _run(plan: dict[str, Any], stage: dict[str, Any], tree: Path, scratch: Path) -> int:
    prctl = ctypes.CDLL(None).prctl
    prctl(_ADOPT, 1, 0, 0, 0)  # a process whose parent has ended becomes a child of this one
    child = os.fork()
    if child == 0:
        try:
            prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
            for power in _POWERS:  # fails without these capabilities, which is fine
                prctl(_DROP, power, 0, 0, 0)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            _confine(plan, stage, tree, scratch)
            os.chdir(tree / stage["folder"])
            command = [*plan["shell"], *(["-c", stage["command"]] if stage["command"] else sys.argv[2:])]
            os.execve(command[0], command, _environment(plan, stage, scratch))  # noqa: S606 - it is the shell
        except BaseException as error:
            print(f"error: cannot start the stage: {error}", file=sys.stderr)
            os._exit(126)
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C reaches the child anyway
        signal.signal(number, lambda sent, _: os.kill(child, sent) if sent == signal.SIGTERM else None)
    code = abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    _end_children()
    return code


def _confine(plan: dict[str, Any], stage: dict[str, Any], tree: Path, scratch: Path) -> None:
    landlock = _landlock()
    if landlock.version() < 1:
        return
    read_write = landlock.READ | landlock.WRITE
    granted = [(Path(path), read_write) for path in (tree, scratch, *stage["states"])]
    granted += [(Path(path), landlock.READ) for path in plan["open"]]
    closed = {Path(folder) for folder in plan["closed"]}
    if plan["strict"]:  # devices, such as the GPU; a stage that sees the test split gets no shared memory, either
        memory = set[Path]() if stage["states"] else {Path("/dev/shm"), Path("/dev/mqueue")}  # noqa: S108
        granted += [(path, read_write) for path in landlock.outside(Path("/dev"), closed | memory)]
    landlock.confine(closed, landlock.READ if plan["strict"] else read_write, granted)


def _landlock() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landlock", Path(__file__).with_name("landlock.py"))
    if spec is None or spec.loader is None:
        raise ImportError("landlock.py must lie beside this file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _environment(plan: dict[str, Any], stage: dict[str, Any], scratch: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _KEYS.fullmatch(name)}
    # Without shared memory joblib would warn.
    joblib = {"JOBLIB_MULTIPROCESSING": "0"} if plan["strict"] and not stage["states"] else {}
    return {**kept, "TMPDIR": str(scratch), **joblib}


def _end_children() -> None:
    """Kill what the command left running: it could read the dependencies of the next stage."""
    while True:
        for entry in os.scandir("/proc"):
            with suppress(OSError, ValueError):
                parent = int(Path(entry, "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                if parent == os.getpid():
                    os.kill(int(entry.name), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _move_outputs(plan: dict[str, Any], stage: dict[str, Any], tree: Path, laid: Laid) -> None:
    """Move the outputs to their paths, and other files that the command wrote to a folder that no stage reads."""
    root, others = Path(plan["root"]), Path(plan["others"]) / os.environ["DVC_STAGE"].replace("/", "_")
    written = [path for path in files_in(tree) if laid.get(path) != _stamp(path)]
    for path in written:
        _replace_link(path, tree)
    for path in written:
        name = path.relative_to(tree)
        target = root / name
        if not _within(name, stage["writes"]):
            if path in laid:
                raise RefusedError(f"it changed {name}, which it declares as one of its deps; write a file of its own")
            target = others / name
            print(f"{name} is not among the outs in dvc.yaml: it lies in {target}", file=sys.stderr)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(root.resolve()):
            raise RefusedError(f"{name} would be written to {target.parent.resolve()}, outside of the repository")
        path.replace(target)


def _replace_link(path: Path, tree: Path) -> None:
    """Replace a link that a stage wrote by a copy: in the repository its target may be another file.

    DVC would follow it there, and read a file that the stage must not see.
    """
    name = path.relative_to(tree)
    if path.is_symlink():
        try:
            source = path.resolve(strict=True)
        except (OSError, RuntimeError):
            source = Path("/")
        if not (source.is_relative_to(tree.resolve()) and source.is_file()):
            raise RefusedError(f"it wrote {name}, a link that leads to none of its files; write a copy")
        path.unlink()
        shutil.copy2(source, path)
    elif not path.is_file():
        raise RefusedError(f"it wrote {name}, which is neither a file nor a folder")


if __name__ == "__main__":
    sys.exit(main())
