"""Progress messages of tiers that take minutes."""

import time
from collections.abc import Callable

import pytest

Progress = Callable[[str], None]


@pytest.fixture
def progress(capsys: pytest.CaptureFixture[str]) -> Progress:
    """A function that prints a message with the seconds since the start, even if pytest captures output."""
    began = time.monotonic()

    def say(message: str) -> None:
        with capsys.disabled():
            print(f"{time.monotonic() - began:6.1f} s  {message}", flush=True)

    return say
