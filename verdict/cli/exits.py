"""Exit codes of commands: what goes wrong is printed with its remedy, and is never a pass."""

import sys
import traceback
from collections.abc import Callable

from verdict.base.errors import VerdictError, exit_code
from verdict.base.outcome import CANNOT_JUDGE
from verdict.base.printable import plain


def reported(command: Callable[[], int | None]) -> int:
    """Run a command; its code (None: 0), or 1 after an error, which is printed."""
    codes: list[int] = []
    return exit_code(lambda: codes.append(command() or 0)) or codes[0]


def judged(command: Callable[[], int]) -> int:
    """Run a command that judges: whatever goes wrong is 2, never a pass, and never a mere failure."""
    try:
        codes: list[int] = []

        def run() -> None:
            try:
                codes.append(command())
            except VerdictError as error:
                print(f"error: {plain(error.where)}: {plain(error.what, 1000)}", file=sys.stderr)
                print(f"  remedy: {plain(error.remedy)}", file=sys.stderr)
                codes.append(CANNOT_JUDGE)

        failed = exit_code(run)
    except Exception:  # a crash is never a pass
        traceback.print_exc()
        print("cannot judge: a defect of the review, see above", file=sys.stderr)
        return CANNOT_JUDGE
    return CANNOT_JUDGE if failed else codes[0]
