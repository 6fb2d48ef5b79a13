"""Restarts a program of the project as `python -I -m`, if it was started otherwise.

`python -m` looks for every library in the current folder first, and in PYTHONPATH: a file there that has a library's
name would be imported in its place. `python -I` does not (docs/review.md). The restart comes before any import but
those of Python's own start, which it cannot protect.
"""

import os
import sys

_FINDER = "verdict_finder"


def restart_isolated(module: str) -> None:
    """Replace this process by `python -I -m MODULE` with the same arguments, unless it is that already.

    `-I` ignores all of Python's variables; PYTHONUTF8=1, which sets the encoding, is passed on as an option.

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
