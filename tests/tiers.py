"""Tiers of their own: tests that need what neither PyPI nor npm has, each behind a target of make.

Such a target sets VERDICT_TIER to its name: there what is missing fails. Everywhere else it is a skip with its reason.
"""

import os
import shutil
from importlib.util import find_spec
from typing import NoReturn

import pytest

VARIABLE = "VERDICT_TIER"


def tier(*names: str) -> None:
    """Skip, unless `make NAME` runs the tests: for a tier that would make `make test` too long."""
    if os.environ.get(VARIABLE) not in names:
        pytest.skip(f"a tier of its own: make {names[0]}")


def need(name: str, how: str) -> None:
    """Skip where a program or module is missing; fail in a target of make that is there to run the tests.

    Args:
        name: of the program, or of the module as it is imported.
        how: to get it, such as `apt-get install buildah`.
    """
    if shutil.which(name) is None and find_spec(name) is None:
        _missing(f"{name} is missing: {how}")


def _missing(reason: str) -> NoReturn:
    if os.environ.get(VARIABLE):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
