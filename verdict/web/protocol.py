"""uvicorn's protocol for HTTP, which leaves two things open: an answer in two writes, and requests that never come.

Between the two writes of an answer a process can be killed, and no proxy can ask again for what it has half. Here
an answer is held until it is whole.
"""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of the body and of the head of a request, in bytes.
MOST_BYTES, _MOST_HEAD = 1_000_000, 65_536


def error_line(message: str) -> bytes:
    """An error as a line of JSON."""
    return json.dumps({"error": message}).encode() + b"\n"


class _Joined:
    """A transport that keeps what is written until `flush`, or until it is closed."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._held = transport, b""

    def write(self, data: bytes) -> None:
        self._held += data
        if data.startswith(b"HTTP/1.1 100"):  # the client waits for it
            self.flush()

    def flush(self) -> None:
        self._transport.write(self._held)
        self._held = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the transport's own
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """Answers in one write; a request must be whole in time, and so many connections may be open."""

    seconds, most = 10.0, 1_000
    _head = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it."""
        self._joined = _Joined(transport)
        super().connection_made(self._joined)  # type: ignore[arg-type]
        self._timer = self.loop.call_later(self.seconds, self._late)
        if len(self.connections) > self.most:
            self._end(429, "too many connections: try again in a second")

    def data_received(self, data: bytes) -> None:
        """Hand on what came; time runs until the request is whole."""
        # Who offers HTTP/2, as Java's client does, is answered in HTTP/1.1: uvicorn's parser would lose the body.
        super().data_received(data.replace(b"Upgrade: h2c\r\n", b""))
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            # After a refusal the rest of a body may still come: it is no head.
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
        """Let the answer go."""
        self._joined.flush()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._end(400, "this is no request of HTTP: send one")

    def _late(self) -> None:
        self._timer, cycle = None, self.cycle
        if cycle is None or cycle.response_complete:
            self._end(408, "the request took too long to arrive: send it again, at once")
        elif cycle.more_body:  # the application answers what there is
            cycle.scope["verdict.late"] = True  # type: ignore[typeddict-unknown-key]
            cycle.more_body = cycle.keep_alive = False
            cycle.message_event.set()

    def _end(self, status: int, message: str) -> None:
        """Answer without the application, and close."""
        if not self.transport.is_closing():
            body = error_line(message)
            head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
            self.transport.close()
