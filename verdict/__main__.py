"""`verdict COMMAND`, and `python -I -m verdict COMMAND`."""

if __name__ == "__main__":
    from verdict.base.isolated import restart_isolated
    from verdict.base.numerics import pin

    restart_isolated("verdict")
    pin()  # before any import of numpy or torch: they read these settings once, when they load

import sys
import traceback


def _run() -> int:
    try:
        from verdict.cli import main
    except Exception:  # code that cannot even be imported is never a pass, nor a mere failure
        traceback.print_exc()
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(_run())
