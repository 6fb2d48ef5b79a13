"""Tests of verdict/ci/github/client.py: answers that come in pieces, from a server in a thread."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from verdict.base.errors import VerdictError
from verdict.ci.github import client
from verdict.ci.github.client import GitHub

LOG = b"".join(b"line %d\n" % number for number in range(40_000))


class Handler(BaseHTTPRequestHandler):
    """Answers with a log; for a path with `broken` it promises more than it sends."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(LOG) + 10 * ("broken" in self.path)))
        self.end_headers()
        self.wfile.write(LOG)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    """A client of that server."""
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield GitHub("owner/verdict", "token", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_of_a_long_log_the_end_is_given(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is longer than what is shown ends with its last line, not with one from its middle."""
    monkeypatch.setattr(client, "_CHUNK", 1000)
    monkeypatch.setattr(client, "_MOST_CHUNKS", 1000)
    assert github.tail("/log", 2500) == LOG[-2500:].decode()


def test_of_an_endless_answer_so_much_is_read(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends after a number of pieces, whatever the server goes on to send."""
    monkeypatch.setattr(client, "_CHUNK", 1000)
    monkeypatch.setattr(client, "_MOST_CHUNKS", 3)
    assert github.tail("/log", 500) == LOG[2500:3000].decode()


def test_an_answer_that_breaks_off_is_an_error(github: GitHub, tmp_path: Path) -> None:
    """Neither a log nor a file that breaks off is taken for whole: the message names the request and a remedy."""
    for read in (lambda: github.tail("/broken", 500), lambda: github.download("/broken", tmp_path / "file", 10**6)):
        with pytest.raises(VerdictError, match="GET /broken"):
            read()
