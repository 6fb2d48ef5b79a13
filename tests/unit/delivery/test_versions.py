"""Tests of what breaks an API, and of the texts that releases consist of."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import ROOT
from verdict.base.errors import VerdictError
from verdict.delivery.build import card
from verdict.delivery.plan import api_breaks
from verdict.delivery.provenance import Provenance

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
TOLD = {
    **{"version": "v1.2.0", "commit": "a" * 40, "run": 7, "pull": 3, "check": None, "artifact": "b" * 32 + ".dir"},
    **{"manifest": "c" * 64, "inputs": "d" * 64, "sbom": "e" * 64, "image": "127.0.0.1:5000/a/b@sha256:" + "f" * 64},
    "scores": {"accuracy": [0.7, 0.65, 0.75]},
}
SCHEMA = DOCUMENT["components"]["schemas"]
NAME = next(name for name in SCHEMA if "label" in SCHEMA[name].get("properties", {}))


def changed(*path: str, to: object = None) -> dict[str, Any]:
    """The document with another value there; without one, with nothing."""
    made = deepcopy(DOCUMENT)
    place = made
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return made


def test_additions_and_texts_break_nothing() -> None:
    """Another path, field, status or description is seen by no client that does not look for it."""
    field = ("components", "schemas", NAME)
    for new in (
        DOCUMENT,
        changed("paths", "/new", to={"get": {}}),
        changed(*field, "properties", "more", to={"type": "string"}),
        changed(*field, "description", to="Other words."),
        changed("paths", "/predict", "post", "responses", "418", to={"description": "a teapot"}),
        changed("info", "version", to="v9.9.9"),
    ):
        assert api_breaks(DOCUMENT, new) == []


def test_what_is_gone_or_other_breaks() -> None:
    """A path, method, field or status that is gone, another type, or one more required field is named."""
    field = ("components", "schemas", NAME)
    for new, where in (
        (changed("paths", "/predict"), "paths./predict.post."),
        (changed("paths", "/predict", "post", "responses", "429"), "paths./predict.post.responses.429."),
        (changed(*field, "properties", "label"), f"components.schemas.{NAME}.properties.label."),
        (
            changed(*field, "properties", "label", "type", to="integer"),
            f"components.schemas.{NAME}.properties.label.type",
        ),
        (changed(*field, "required", to=["more"]), f"components.schemas.{NAME}.required"),
    ):
        found = api_breaks(DOCUMENT, new)
        assert found
        assert all(one.startswith(where) for one in found), found


def test_the_first_document_breaks_nothing() -> None:
    """A release from before there was such a file promised nothing."""
    assert api_breaks({}, DOCUMENT) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"version": "1.2.0"}, "version"),
        ({"commit": "main"}, "commit"),
        ({"image": "ghcr.io/a/b:v1.2.0"}, "image"),
        ({"more": 1}, "more"),
        ({"scores": {"accuracy": [0.7]}}, "scores.accuracy"),
    ],
)
def test_what_is_no_provenance_is_refused(change: dict[str, object], where: str) -> None:
    """A field that is missing, foreign or malformed is named; an image without its digest is none."""
    with pytest.raises(VerdictError, match=f"no provenance: {where}"):
        Provenance.of(json.dumps({**TOLD, **change}), "tag")
    with pytest.raises(VerdictError, match="no provenance"):
        Provenance.of("Register v1.2.0", "tag")


def test_a_provenance_is_read_as_it_was_written() -> None:
    """Its bytes, and so the hash by which GitHub knows the file, survive reading."""
    told = Provenance.of(json.dumps(TOLD), "tag")
    assert Provenance.of(told.text(), "tag") == told
    assert Provenance.of(told.text(), "tag").digest == told.digest


def test_the_model_card_names_its_release() -> None:
    """The row of the project's card is filled in; another card gets a line before its text."""
    told = Provenance.of(json.dumps(TOLD), "tag")
    text = (ROOT / "models/README.md").read_text(encoding="utf-8")
    made = card(text, told)
    (row,) = [line for line in made.splitlines() if line.startswith("| Release |")]
    assert "v1.2.0" in row
    assert "accuracy 0.7000 [0.6500, 0.7500]" in row
    assert len(made.splitlines()) == len(text.splitlines())
    assert card("# Mine\n", told) == f"Release {told.about()}\n\n# Mine\n"
