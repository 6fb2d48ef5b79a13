"""docs/openapi.json, by which releases tell a broken API, is what the service answers to."""

import json
from pathlib import Path

from dev.openapi import FILE, document
from tests.conftest import ROOT
from verdict.delivery.plan import api_breaks


def test_the_file_is_what_the_service_says(artifact: Path, of_mails: Path) -> None:
    """It is the service's own document; `python -m dev.openapi` writes it anew. Other columns are another API."""
    written = json.loads((ROOT / FILE).read_text(encoding="utf-8"))
    assert written == document(artifact)
    assert api_breaks(written, document(of_mails))
    assert "/predict" in written["paths"]
