"""Tells whoever runs a tier that takes minutes how it goes."""

import time
from collections.abc import Callable

import pytest

Progress = Callable[[str], None]


@pytest.fixture
def progress(capsys: pytest.CaptureFixture[str]) -> Progress:
    """Prints what happens, with the seconds since the beginning, whether or not pytest shows what tests print."""
    began = time.monotonic()

    def say(what: str) -> None:
        with capsys.disabled():
            print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    return say
