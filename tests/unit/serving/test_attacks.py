"""Tests of verdict/serving on a socket with requests that no client sends: refused in JSON, or answered, never 5xx."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.serving.test_protocol import connected, running

TEXT = b'{"text": "good"}'
TENSOR = b'{"name":"text","shape":%s,"datatype":"BYTES","data":%s}'
INFER = b"/v2/models/classifier/infer"


def post(body: bytes, path: bytes = b"/predict", heads: bytes = b"", length: int | None = None) -> bytes:
    """A request with a body; `length` says another one than it has."""
    size = len(body) if length is None else length
    return b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (path, heads, size, body)


def chunked(*chunks: bytes, heads: bytes = b"", end: bytes = b"0\r\n\r\n") -> bytes:
    """A request whose body comes in chunks, written as they are."""
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + heads + b"\r\n"
    return head + b"".join(chunks) + end


def infer(tensors: bytes, more: bytes = b"") -> bytes:
    """A request of the Open Inference Protocol."""
    return post(b'{"inputs":[%s]%s}' % (tensors, more), INFER)


GOOD = TENSOR % (b"[1]", b'["a"]')
WHOLE = b"10\r\n" + TEXT + b"\r\n"
# What is sent, and the statuses that come back.
ATTACKS: dict[str, tuple[bytes, list[int]]] = {
    "a chunk shorter than it says": (chunked(b"2\r\n" + TEXT + b"\r\n"), [400]),
    "a chunk longer than it says": (chunked(b"ff\r\n" + TEXT + b"\r\n"), [408]),
    "a chunk of a negative size": (chunked(b"-1\r\n" + TEXT), [400]),
    "a chunk of 2^64 bytes": (chunked(b"ffffffffffffffff\r\n" + TEXT), [408]),
    "a chunk size that is no number": (chunked(b"zz\r\n" + TEXT), [400]),
    "chunk extensions": (chunked(b"10;a=b;c\r\n" + TEXT + b"\r\n"), [200]),
    "trailers": (chunked(WHOLE, end=b"0\r\nx: y\r\n\r\n"), [200]),
    "chunks of one byte": (chunked(*[b"1\r\n%c\r\n" % byte for byte in TEXT]), [200]),
    "chunks and a length": (chunked(WHOLE, heads=b"content-length: 4\r\n"), [400]),
    "a request within a request": (
        post(b"0\r\n\r\nGET / HTTP/1.1\r\n", heads=b"transfer-encoding: chunked\r\n"),
        [400],
    ),
    "a coding that nobody knows": (post(TEXT, heads=b"transfer-encoding: xchunked\r\n"), [400]),
    "two lengths": (post(TEXT, heads=b"content-length: 3\r\n"), [400]),
    "a negative length": (post(TEXT, length=-5), [400]),
    "a length of 2^64": (post(TEXT, length=2**64), [400]),
    "a length of 2^63": (post(TEXT, length=2**63 - 1), [408]),
    "a length that is too short": (post(TEXT, length=5), [400]),
    "the same key twice": (post(b'{"text": "good", "text": "bad"}'), [200]),
    "the same key as another type": (post(b'{"texts": ["a"], "texts": 5}'), [422]),
    "depth where anything goes": (infer(GOOD, b',"parameters":' + b'{"a":' * 99 + b"1" + b"}" * 99), [200]),
    "more depth": (infer(GOOD, b',"parameters":' + b'{"a":' * 9_999 + b"1" + b"}" * 9_999), [400]),
    "900,000 digits": (infer(GOOD, b',"parameters":{"a":' + b"9" * 900_000 + b"}"), [400]),
    "a shape beyond 64 bits": (infer(TENSOR % (b"[99999999999999999999]", b'["a"]')), [400]),
    "an infinite shape": (infer(TENSOR % (b"[1e400]", b'["a"]')), [400]),
    "no shape": (infer(TENSOR % (b"[]", b'["a"]')), [400]),
    "10,000 tensors": (infer(b",".join([GOOD] * 10_000)), [400]),
    "100,000 strings in one row": (infer(TENSOR % (b"[1]", b"[[" + b",".join([b'""'] * 100_000) + b"]]")), [400]),
    "a surrogate as id": (infer(GOOD, b',"id":"\\ud800"'), [400]),
    "a byte order mark": (post(b"\xef\xbb\xbf" + TEXT), [422]),
    "UTF-16 without a mark": (post(TEXT.decode().encode("utf-16-le")), [422]),
    "UTF-32": (post(TEXT.decode().encode("utf-32")), [422]),
    "a body that is compressed": (post(gzip.compress(TEXT), heads=b"content-encoding: gzip\r\n"), [422]),
    "a body that grows": (post(gzip.compress(b" " * 5_000_000), heads=b"content-encoding: gzip\r\n"), [422]),
    "surrogates the wrong way round": (post(b'{"text": "\\ude00\\ud83d"}'), [422]),
    "a surrogate as key": (post(b'{"\\ud800": "a"}'), [422]),
    "an escaped NUL": (post(b'{"text": "a\\u0000b"}'), [200]),
    "entities in entities": (post(b'{"text": "&%slt;"}' % (b"amp;" * 20_000)), [200]),
    "50,000 marks on a letter": (post(b'{"text": "a%s"}' % ("\u0301".encode() * 50_000)), [200]),
    "a word of 99,999 letters": (post(b'{"text": "%s"}' % (b"a" * 99_999)), [200]),
    "4,000 headers": (post(TEXT, heads=b"".join(b"x%d: y\r\n" % number for number in range(4_000))), [200]),
    "NUL in a header": (post(TEXT, heads=b"x: a\x00b\r\n"), [400]),
    "a header over two lines": (post(TEXT, heads=b"x: a\r\n b\r\n"), [400]),
    "a space before a colon": (post(TEXT, heads=b"transfer-encoding : chunked\r\n"), [400]),
    "no carriage returns": (post(TEXT).replace(b"\r", b""), [400]),
    "HTTP/1.0": (post(TEXT).replace(b"HTTP/1.1", b"HTTP/1.0"), [200]),
    "HTTP/9.9": (post(TEXT).replace(b"HTTP/1.1", b"HTTP/9.9"), [400]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "TLS": (bytes.fromhex("1603010200010001fc0303") + b"a" * 500, [400]),
    "an upgrade to WebSocket": (
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eA==\r\n\r\n",
        [200],
    ),
    "an offer of HTTP/2": (
        post(TEXT, heads=b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"),
        [200],
    ),
    "a way through": (b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", [400]),
    "an unknown method": (post(TEXT).replace(b"POST", b"BREW"), [400]),
    "a path that is not UTF-8": (post(TEXT, b"/%ff%fe"), [404]),
    "a path upwards": (b"GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n", [404]),
    "a slash at the end": (post(TEXT, b"/predict/"), [404]),
    "bytes as a token": (post(TEXT, heads=b"authorization: \xff\xfe\r\n"), [200]),
    "a client that waits to be asked": (post(TEXT, heads=b"expect: 100-continue\r\n"), [100, 200]),
    "four at once, one bad": (post(TEXT) + post(b"{") + post(TEXT) + post(TEXT, b"/nowhere"), [200, 422, 200, 404]),
    "300 at once": (post(TEXT) * 300, [200] * 300),
}


@pytest.fixture(scope="module")
def port(artifact: Path) -> Iterator[int]:
    """The port of a server that waits half a second for a request."""
    with running(artifact, seconds=0.5) as port:
        yield port


@pytest.mark.parametrize("name", ATTACKS)
def test_what_no_client_sends_is_answered_or_refused(port: int, name: str) -> None:
    """Each has its statuses, in order; an error is a line of JSON; the service goes on."""
    sent, expected = ATTACKS[name]
    found, statuses = b"", list[int]()
    with connected(port) as connection:
        connection.sendall(sent)
        while len(statuses) < len(expected) and (part := connection.recv(65_536)):
            found += part
            statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", found)]
    assert statuses == expected
    head, _, body = found[found.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    if statuses[-1] >= 400:
        assert list(json.loads(body)) == ["error"]
    with connected(port) as connection:
        connection.sendall(post(TEXT))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
