"""The one error that users see: what is wrong, where, and what to do about it."""

import codecs
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, TextIO

# For streams that lack these characters: before a number, an escape would look like some of its digits.
_ASCII = str.maketrans({"→": "->", "−": "-", "–": "-", "×": "x", "…": "...", "\u00a0": " "})


class VerdictError(Exception):
    """Bad input or a bad environment, printed without a traceback.

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
    """Run `main` and print errors that a user can mend on standard error.

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
        sys.stdout.flush()  # reports what cannot be written here, not in the interpreter's shutdown
    except VerdictError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output (`| head`) has gone
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
    """Let standard streams take any text in any encoding; refuse a standard output that is closed.

    The next file that is opened would get the number of a closed stream, and what is printed with it.
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
    """Replace characters that an encoding lacks by the nearest in ASCII, else by an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_ASCII)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _flush_output() -> None:
    """Flush standard output; drop what cannot be written, which the interpreter would try again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = _open_devnull()


def _open_devnull(mode: Literal["r", "w"] = "w") -> TextIO:
    return Path(os.devnull).open(mode, encoding="utf-8")
