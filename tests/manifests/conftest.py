"""The tier runs where its tools are, all of them: `make test` skips it."""

import pytest

from tests.tiers import need


@pytest.fixture(autouse=True)
def _tools() -> None:
    for name in ("kubernetes-validate", "kubectl", "tsc", "kserve"):
        need(name, "make manifests")
