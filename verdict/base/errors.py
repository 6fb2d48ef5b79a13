"""The one error that users see: what is wrong, where, and what to do about it."""

import codecs
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, TextIO

# For streams that lack these letters: an escape would stand before a number like digits of it.
_ASCII = str.maketrans({"→": "->", "−": "-", "–": "-", "×": "x", "…": "...", "\u00a0": " "})


class VerdictError(Exception):
    """Bad input or a bad environment, told without a traceback.

    Args:
        where: the file, key or row that is at fault.
        what: what is wrong with it.
        remedy: what the reader can do, ideally a command.
    """

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(where, what, remedy)
        self.where, self.what, self.remedy = where, what, remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  remedy: {self.remedy}"


def exit_code(main: Callable[[], None]) -> int:
    """Run `main` and turn what a user can mend into a message on standard error.

    Returns:
        0 when `main` returned, 1 after a `VerdictError` or an error of the file system, 130 after Ctrl-C. Any other
        exception is a defect of this program and keeps its traceback.
    """
    try:
        _make_printable()
        try:
            main()
        except SystemExit:
            sys.stdout.flush()
            raise
        sys.stdout.flush()  # what cannot be written is told here, not by the interpreter on its way out
    except VerdictError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output (`| head`) has gone: nothing left to say, and to nobody
        return 1
    except OSError as error:
        where = error.filename if error.filename is not None else "file system"
        print(f"error: {where}: {error.strerror or error}", file=sys.stderr)
        print(
            "  remedy: check that the path exists, is writable, and that the disk has room (df -h .)", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        _flush_output()
    return 0


def _make_printable() -> None:
    """Let standard streams take any text, whatever encoding the locale chose; refuse a standard output that is closed.

    The number of a closed one would go to the next file that is opened, and what is printed into that.
    """
    for _ in [number for number in range(3) if not _is_open(number)]:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is the next of these
    codecs.register_error("verdict", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="verdict")
    sys.stdin = sys.stdin or _open_devnull("r")
    sys.stderr = sys.stderr or _open_devnull()
    if sys.stdout is None:
        sys.stdout = _open_devnull()
        raise VerdictError("standard output", "is closed: nobody would see what is printed", "> /dev/null, or a file")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _in_plain_letters(error: UnicodeError) -> tuple[str | bytes, int]:
    """An encoding's way out for letters that it lacks: the nearest in ASCII, else an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_ASCII)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _flush_output() -> None:
    """Forget what could not be written: the interpreter would try again at exit, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = _open_devnull()


def _open_devnull(mode: Literal["r", "w"] = "w") -> TextIO:
    return Path(os.devnull).open(mode, encoding="utf-8")
