"""Errors of commands: decorators that turn them into a message with a remedy, and into an exit code."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

from verdict.base.errors import VerdictError, exit_code
from verdict.base.outcome import CANNOT_JUDGE
from verdict.base.printable import plain

P = ParamSpec("P")


def exit_1_on_error(command: Callable[P, int | None]) -> Callable[P, int]:
    """Let a command return its exit code (None: 0), or 1 after an error."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        codes: list[int] = []
        return exit_code(lambda: codes.append(command(*args, **kwargs) or 0)) or codes[0]

    return run


def exit_2_on_error(command: Callable[P, int]) -> Callable[P, int]:
    """Let a command that judges return 2 (cannot judge) after any error: never a pass, and never a mere failure."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        codes: list[int] = []

        def call() -> None:
            try:
                codes.append(command(*args, **kwargs))
            except VerdictError as error:
                print(f"error: {plain(error.where)}: {plain(error.what, 1000)}", file=sys.stderr)
                print(f"  remedy: {plain(error.remedy)}", file=sys.stderr)
                codes.append(CANNOT_JUDGE)

        try:
            failed = exit_code(call)
        except Exception:  # a crash is never a pass
            traceback.print_exc()
            print("cannot judge: a defect of the review, see above", file=sys.stderr)
            return CANNOT_JUDGE
        return CANNOT_JUDGE if failed else codes[0]

    return run


@contextmanager
def libraries_of(command: str, remedy: str) -> Iterator[None]:
    """Turn a failed import in the block into an error that names the library, the command and the remedy."""
    try:
        yield
    except ImportError as error:
        raise VerdictError(error.name or "a library", f"not installed; {command} needs it", remedy) from None
