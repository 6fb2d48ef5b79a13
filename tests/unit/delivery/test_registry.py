"""Tests of verdict/delivery/registry.py that need no repository."""

import json

import pytest

from tests.conftest import ROOT
from tests.unit.delivery.test_versions import TOLD
from verdict.delivery import registry
from verdict.delivery.registry import Tag


def test_a_tag_without_provenance_does_not_hide_the_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody who pushes can set one: it is listed as what it is, beside those that say where they come from."""
    tags = [
        Tag(f"classifier@{version}", "1", "2", "app", text)
        for version, text in [("v9.0.0", "mine"), ("v1.2.0", json.dumps(TOLD))]
    ]
    monkeypatch.setattr(registry, "versions", lambda _: tags)
    monkeypatch.setattr(registry, "stages", lambda _: {})
    monkeypatch.setattr(registry, "_gto", lambda *_: "[]")
    garbage, good, *_ = registry.listing(ROOT)
    assert "no provenance" in garbage
    assert "pull request #3" in good
