"""Tests of verdict/web/protocol.py and server.py on a socket: whole answers, and nothing that never comes."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from verdict.serving.routes import application
from verdict.serving.service import Service
from verdict.serving.settings import Settings
from verdict.web import protocol
from verdict.web.server import Server, listen

BODY = b'{"text": "a wonderful lamp"}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
REQUEST = HEAD % len(BODY) + BODY


@contextmanager
def running(model: Path, **settings: Any) -> Iterator[int]:  # noqa: ANN401 - of Settings
    """A server in a thread; its port."""
    service, listener = Service(Settings(model, **settings)), listen("127.0.0.1", 0)
    server = Server(application(service), service)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def port(artifact: Path) -> Iterator[int]:
    """The port of a server that waits half a second for a request, and takes four connections."""
    with running(artifact, seconds=0.5, connections=4) as port:
        yield port


def connected(port: int) -> socket.socket:
    """A connection."""
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    while part := connection.recv(65_536):
        found += part
    return found


class Recorder:
    """A transport that notes what is written to it."""

    def __init__(self, transport: Any, written: list[bytes]) -> None:  # noqa: ANN401 - uvloop's
        self._transport, self._written = transport, written

    def write(self, data: bytes) -> None:
        """Note, and write."""
        self._written.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the transport's own
        return getattr(self._transport, name)


def test_an_answer_leaves_in_one_write(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of plain routes, refusals and pages are written with their heads: nothing can end between the two."""
    written: list[bytes] = []
    buffered = protocol._BufferedTransport

    def recorded(transport: Any) -> Any:  # noqa: ANN401 - uvicorn's
        return buffered(cast(Any, Recorder(transport, written)))

    monkeypatch.setattr(protocol, "_BufferedTransport", recorded)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    asked = [("POST", "/predict", BODY), ("POST", "/predict", b"{"), ("GET", "/version", b""), ("GET", "/", b"")]
    for method, path, body in asked:
        client.request(method, path, body)
        client.getresponse().read()
    client.close()
    assert len(written) == len(asked)
    for part in written:
        head, _, body = part.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 ")
        assert f"content-length: {len(body)}".encode() in head


def test_requests_in_one_write_are_answered_in_order(port: int) -> None:
    """Three requests that arrive together get three answers."""
    with connected(port) as connection:
        connection.sendall(REQUEST * 3)
        found = b""
        while found.count(b'"receipt"') < 3:
            found += connection.recv(65_536)
        assert found.count(b"HTTP/1.1 200 ") == 3


def test_a_page_without_a_body_of_its_own_comes_too(port: int) -> None:
    """HEAD, 404 and the documentation are whole for a common client, one connection for all."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for method, path, status in (("HEAD", "/version", 405), ("GET", "/nowhere", 404), ("GET", "/docs", 200)):
        client.request(method, path)
        reply = client.getresponse()
        reply.read()
        assert reply.status == status
    client.close()


@pytest.mark.parametrize("part", [b"", b"POST /pred", HEAD % len(BODY), REQUEST[:-1]], ids=repr)
def test_what_never_comes_whole_is_given_up(port: int, part: bytes) -> None:
    """A connection without a request, half a head and half a body end with 408 and what to do, in JSON."""
    with connected(port) as connection:
        connection.sendall(part)
        last = until_closed(connection).rpartition(b"HTTP/1.1 ")[2]
        assert last.startswith(b"408 ")
        assert json.loads(last.partition(b"\r\n\r\n")[2])["error"].endswith("send it again, at once")


def test_an_endless_head_is_refused(port: int) -> None:
    """Beyond 64 kB the connection ends with 431."""
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000)
        assert until_closed(connection).startswith(b"HTTP/1.1 431 ")


def test_a_large_body_is_refused_and_the_connection_goes_on(port: int) -> None:
    """3 MB are answered by 413, whatever comes behind, and the next request by 200."""
    with connected(port) as connection:
        connection.sendall(HEAD % 3_000_000 + b"a" * 3_000_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
        connection.sendall(REQUEST)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_connections_are_bounded(port: int) -> None:
    """The fifth of four is told to come again; the first are served."""
    held = [connected(port) for _ in range(4)]
    for connection in held:
        connection.sendall(REQUEST)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    with connected(port) as one_more:
        assert until_closed(one_more).startswith(b"HTTP/1.1 429 ")
    held[0].sendall(REQUEST)
    assert held[0].recv(65_536).startswith(b"HTTP/1.1 200 ")
    for connection in held:
        connection.close()
