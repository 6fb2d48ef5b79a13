"""Tests of /openapi.json: what it says is what the service does."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from tests.unit.serving.service_client import ServiceClient
from tests.unit.serving.test_answers import tensor
from tests.unit.serving.test_refusals import BAD

INFER = "/v2/models/classifier/infer"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def client(artifact: Path) -> ServiceClient:
    """A service."""
    return ServiceClient(artifact)


@pytest.fixture(scope="module")
def document(client: ServiceClient) -> Document:
    """Its description."""
    found: Document = client.get("/openapi.json").json
    return found


def check(document: Document, schema: dict[str, Any], value: object) -> None:
    """Validate a value by a schema of the document."""
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def routes(client: ServiceClient) -> set[tuple[str, str]]:
    """Path and method of each route that the application has."""
    app: Any = client.application._app
    assert isinstance(app, FastAPI)
    found = [route for route in app.routes if isinstance(route, Route)]
    return {(route.path, method.lower()) for route in found for method in route.methods or ()}


def test_every_route_is_described_and_every_description_is_a_route(client: ServiceClient, document: Document) -> None:
    """Paths and methods are the same on both sides, but for the page and the documentation itself."""
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert {(path, "get") for path in ("/version", "/v2", "/health")} < described
    own = {("/", "get"), *((path, "get") for path in ("/docs", "/docs/oauth2-redirect", "/openapi.json"))}
    assert {(path, method) for path, method in routes(client) if method != "head"} - own == described


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"text": "good"}),
        ("/predict", {"texts": ["good", "bad"]}),
        ("/predict", {"texts": []}),
        (INFER, {"id": "7", "inputs": [tensor(["good", "bad"])]}),
        (INFER, {"inputs": [tensor([["good"]], shape=[1, 1])], "outputs": [{"name": "probabilities"}]}),
    ],
)
def test_answers_are_what_the_schema_says(client: ServiceClient, document: Document, path: str, body: object) -> None:
    """A body that the schema allows is answered by 200, in a body that the schema of the answer allows."""
    operation = document["paths"][path]["post"]
    check(document, operation["requestBody"]["content"]["application/json"]["schema"], body)
    reply = client.post(path, body)
    assert reply.status == 200
    check(document, operation["responses"]["200"]["content"]["application/json"]["schema"], reply.json)


@pytest.mark.parametrize("name", BAD)
def test_refusals_are_what_the_schema_says(client: ServiceClient, document: Document, name: str) -> None:
    """Each bad body has a status that is described, and an error of the described shape."""
    for path in ("/predict", INFER):
        reply = client.post(path, BAD[name][0])
        told = document["paths"][path]["post"]["responses"][str(reply.status)]
        check(document, told["content"]["application/json"]["schema"], reply.json)


@pytest.mark.parametrize("body", [{}, {"text": 5}, {"text": "a", "texts": []}, {"texts": ["a", None]}, [], "a"])
def test_what_the_schema_forbids_is_refused(client: ServiceClient, document: Document, body: object) -> None:
    """The types that the schema shows are those that the route checks."""
    schema = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    with pytest.raises(jsonschema.ValidationError):
        check(document, schema, body)
    assert client.post("/predict", body).status == 422
