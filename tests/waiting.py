"""Wait for a condition that other processes make true."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 180.0) -> float:
    """Wait for a condition, and return the seconds that it took; fail after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"the condition did not become true in {seconds:.0f} seconds"
        time.sleep(0.05)
    return time.monotonic() - began
