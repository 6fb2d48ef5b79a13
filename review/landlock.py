"""Deny a process, and all that it starts, the reading of some folders, by Linux's Landlock.

Source of numbers and structures: the kernel's include/uapi/linux/landlock.h, Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# The same on every architecture (asm-generic, from Linux 5.13).
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE = 1 << 2
_REFER = 1 << 13  # link or rename from one folder into another; denied everywhere unless it is granted
_NO_NEW_PRIVS = 38
_C = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this kernel has; below 1 where it has none, or it is switched off."""
    return int(_C.syscall(_CREATE, None, 0, _VERSION))


def deny_reading(folders: Iterable[Path], but: Iterable[Path]) -> None:
    """Deny this process the reading of files in some folders, but of some paths in them; it cannot be taken back.

    Args:
        folders: what must not be read, with all beneath it.
        but: files and folders in there that may be read; those that do not exist are passed over.

    Raises:
        OSError: the kernel refuses.
    """
    both = version() > 1
    handled = _Ruleset(_READ_FILE | (_REFER if both else 0))
    ruleset = _checked(_C.syscall(_CREATE, ctypes.byref(handled), ctypes.sizeof(handled), 0))
    if both:
        _allow(ruleset, Path("/"), _REFER)
    denied = {Path(os.path.realpath(folder)) for folder in folders}
    for path in [*_beside(Path("/"), denied), *but]:
        _allow(ruleset, path, _READ_FILE)
    _checked(_C.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_C.syscall(_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _beside(folder: Path, denied: set[Path]) -> Iterator[Path]:
    """Everything but `denied`: Landlock knows only what is allowed."""
    for path in folder.iterdir():
        if path in denied or path.is_symlink():
            continue  # what a link leads to is reached by its own path
        if any(other.is_relative_to(path) for other in denied):
            yield from _beside(path, denied)
        else:
            yield path


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # gone meanwhile, or never there
        return
    rule = _PathBeneath(access, place)
    try:
        _checked(_C.syscall(_ADD, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
