"""The one error that users see: what is wrong, where, and what to do about it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path


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
        main()
    except VerdictError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output (`| head`) has gone: nothing left to say, and to nobody
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - or the interpreter complains when it flushes at exit
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
    return 0
