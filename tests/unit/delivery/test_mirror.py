"""Tests of how the mirror speaks to a server, as far as none is needed."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from verdict.base.errors import VerdictError
from verdict.delivery.mirror import MLflow


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str | None]]]:
    """A server that says the same to all; its address, and the tokens that it was sent."""
    tokens: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", tokens
    finally:
        server.shutdown()
        server.server_close()


def test_what_is_no_server_is_said() -> None:
    """Nobody there, or somebody who is not MLflow: the message has the address."""
    with answering(200, b"<html>") as (address, _), pytest.raises(VerdictError, match="no answer of MLflow"):
        MLflow(address).ask("GET", "experiments/get-by-name")
    with pytest.raises(VerdictError, match=f"{address}/api/2.0/mlflow/x: no answer of MLflow: ConnectionError"):
        MLflow(address).ask("GET", "x")


def test_what_the_server_refuses_is_said() -> None:
    """A refusal is told in its own words; that there is no such thing is no refusal."""
    refused = json.dumps({"error_code": "PERMISSION_DENIED", "message": "not yours"}).encode()
    with answering(403, refused) as (address, _), pytest.raises(VerdictError, match=r"403: .*not yours"):
        MLflow(address).ask("GET", "registered-models/get")
    absent = {"error_code": "RESOURCE_DOES_NOT_EXIST"}
    with answering(404, json.dumps(absent).encode()) as (address, _):
        assert MLflow(address).ask("GET", "registered-models/get") == absent


def test_a_token_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own variable holds it."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    with answering(200, b"{}") as (address, tokens):
        MLflow(address).ask("GET", "x")
    assert tokens == ["Bearer secret"]
