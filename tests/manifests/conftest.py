"""The tools of the manifests tests, without which `make test` skips them."""

import pytest

from tests.tiers import need


@pytest.fixture(autouse=True)
def _tools() -> None:
    for name in ("kubernetes-validate", "kubectl", "tsc", "kserve"):
        need(name, "make manifests")
