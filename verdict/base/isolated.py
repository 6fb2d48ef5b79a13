"""A program of the project starts itself again isolated, where it was started in another way.

`python -m` looks for every library in the current folder first, and in PYTHONPATH: a file there that has a library's
name would be imported in its place. `python -I` does not (docs/review.md). This catches who forgets it, before anything
but what Python itself starts with is imported; what Python's own start takes from the folder by then, it cannot.
"""

import os
import sys

_FINDER = "verdict_finder"


def restart_isolated(module: str) -> None:
    """Become `python -I -m MODULE` with the same arguments, unless that is what this process is already.

    Of Python's variables, all of which `-I` leaves out, PYTHONUTF8=1 counts: it says what a locale's letters are.

    Args:
        module: the program, such as `review`.
    """
    utf8 = sys.flags.utf8_mode or os.environ.get("PYTHONUTF8") == "1"
    if sys.flags.isolated and (sys.flags.utf8_mode or not utf8):
        return
    if _FINDER not in sys.modules:
        message = "error: this Python does not find the project's packages\n  remedy: pip install --no-deps ./install"
        print(message, file=sys.stderr)
        sys.exit(2)
    options = ["-I", *(["-X", "utf8"] if utf8 else [])]
    os.execv(sys.executable, [sys.executable, *options, "-m", module, *sys.argv[1:]])  # noqa: S606 - no shell
