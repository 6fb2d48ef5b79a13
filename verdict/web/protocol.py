"""uvicorn's HTTP protocol with answers in one write, and limits for slow requests and for connections.

uvicorn writes an answer in two parts: a process that is killed between them leaves half an answer, and a proxy cannot
repeat a request whose answer has begun.
"""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of the body and of the head of a request.
MOST_BYTES, _MOST_HEAD = 1_000_000, 65_536


def error_line(message: str) -> bytes:
    """Return an error as a line of JSON."""
    return json.dumps({"error": message}).encode() + b"\n"


class _BufferedTransport:
    """A transport that buffers writes until `flush` or `close`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._buffer = transport, b""

    def write(self, data: bytes) -> None:
        self._buffer += data
        if data.startswith(b"HTTP/1.1 100"):  # 100 Continue: the client waits for it
            self.flush()

    def flush(self) -> None:
        self._transport.write(self._buffer)
        self._buffer = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the transport's own
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """Answers in one write; requests must arrive within `seconds`, over at most `most` connections."""

    seconds, most = 10.0, 1_000
    _head = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it."""
        self._buffered = _BufferedTransport(transport)
        super().connection_made(self._buffered)  # type: ignore[arg-type]
        self._timer = self.loop.call_later(self.seconds, self._late)
        if len(self.connections) > self.most:
            self._end(429, "too many connections: try again in a second")

    def data_received(self, data: bytes) -> None:
        """Pass data on; the time limit runs until the request is complete."""
        # An offer of HTTP/2, as of Java's client, is ignored: uvicorn's parser would lose the body.
        super().data_received(data.replace(b"Upgrade: h2c\r\n", b""))
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            # After a refusal the rest of a body may still arrive: it is no head.
            self._head += len(data) if cycle is None or not cycle.more_body else 0
            if self._head > _MOST_HEAD:
                self._end(431, "the head of the request is too large: send less, or wait for answers")
        elif not cycle.more_body:
            self._head = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        self._timer = self._timer or self.loop.call_later(self.seconds, self._late)

    def on_response_complete(self) -> None:
        """Write the answer."""
        self._buffered.flush()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse data that is not HTTP."""
        self._end(400, "this is no request of HTTP: send one")

    def _late(self) -> None:
        self._timer, cycle = None, self.cycle
        if cycle is None or cycle.response_complete:
            self._end(408, "the request took too long to arrive: send it again, at once")
        elif cycle.more_body:  # the application gets the part that has arrived
            cycle.scope["verdict.late"] = True  # type: ignore[typeddict-unknown-key]
            cycle.more_body = cycle.keep_alive = False
            cycle.message_event.set()

    def _end(self, status: int, message: str) -> None:
        """Answer without the application, and close the connection."""
        if not self.transport.is_closing():
            body = error_line(message)
            head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
            self.transport.close()
