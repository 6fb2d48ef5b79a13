"""Optional tiers: tests with requirements beyond PyPI and npm, each with a target of make.

Such a target sets VERDICT_TIER to its name: then a missing requirement fails the test; otherwise it skips it.
"""

import os
import shutil
from importlib.util import find_spec
from typing import NoReturn

import pytest

VARIABLE = "VERDICT_TIER"


def tier(*names: str) -> None:
    """Skip unless `make NAME` runs the tests: for a tier that is too slow for `make test`."""
    if os.environ.get(VARIABLE) not in names:
        pytest.skip(f"a tier of its own: make {names[0]}")


def need(name: str, how: str) -> None:
    """Skip if a program or module is missing; fail in the tier's own target of make.

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
