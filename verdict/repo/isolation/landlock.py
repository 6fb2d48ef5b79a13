"""Deny a process and its children to read and write some folders, by Linux's Landlock.

Source of numbers and structures: the kernel's include/uapi/linux/landlock.h, Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# The same on every architecture (asm-generic, from Linux 5.13).
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE, READ = 1 << 1, 1 << 2
_REFER = 1 << 13  # link or rename from one folder into another; denied everywhere unless it is granted
_TRUNCATE = 1 << 14
_DEVICES = 1 << 6 | 1 << 11  # making device files, which is never granted
# Write and truncate files; remove and make folders, files, sockets, pipes and symbolic links.
WRITE = _WRITE_FILE | _TRUNCATE | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12
_OF_FILES = READ | _WRITE_FILE | _TRUNCATE
_NO_NEW_PRIVS = 38
_C = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """Return this kernel's version of Landlock; below 1 if it has none, or it is switched off."""
    return int(_C.syscall(_CREATE, None, 0, _VERSION))


def confine(closed: Iterable[Path], beside: int, granted: Iterable[tuple[Path, int]]) -> None:
    """Deny this process some folders, and grant it others; this cannot be undone.

    Args:
        closed: folders that can neither be read nor written, with everything beneath.
        beside: the access to everything else that exists now, `READ` or `READ | WRITE`.
        granted: files and folders, in `closed` or not, with the access to each; those that do not exist are skipped.

    Raises:
        OSError: the kernel refuses.
    """
    unknown = _REFER | _TRUNCATE if version() < 2 else _TRUNCATE if version() < 3 else 0
    handled = (READ | WRITE | _DEVICES | _REFER) & ~unknown
    attributes = _Ruleset(handled)
    ruleset = _checked(_C.syscall(_CREATE, ctypes.byref(attributes), ctypes.sizeof(attributes), 0))
    denied = {Path(os.path.realpath(folder)) for folder in closed}
    rules = [(Path("/"), _REFER), *((path, beside) for path in outside(Path("/"), denied)), *granted]
    for path, access in rules:
        _allow(ruleset, path, access & handled)
    _checked(_C.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_C.syscall(_RESTRICT, ruleset, 0))
    os.close(ruleset)


def outside(folder: Path, denied: set[Path]) -> Iterator[Path]:
    """Yield everything beneath a folder except what is denied: Landlock has rules that allow, but none that deny."""
    for path in folder.iterdir():
        if path in denied or path.is_symlink():
            continue  # the target of a link has its own path
        if any(other.is_relative_to(path) for other in denied):
            yield from outside(path, denied)
        else:
            yield path


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it was removed, or never existed
        return
    try:
        access &= ~0 if stat.S_ISDIR(os.fstat(place).st_mode) else _OF_FILES
        if access:
            rule = _PathBeneath(access, place)
            _checked(_C.syscall(_ADD, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
