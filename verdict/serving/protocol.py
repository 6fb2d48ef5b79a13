"""uvicorn's protocol for HTTP, which leaves two things open: an answer in two writes, and requests that never come.

Between the two writes of an answer a process can be killed, and no proxy can ask again for what it has half. Here
the head waits for the body.
"""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of the head of a request, in bytes.
_MOST_HEAD = 65_536


class _Joined:
    """A transport that keeps the head of an answer until its body, or its end, comes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._held = transport, b""

    def write(self, data: bytes) -> None:
        if not self._held and data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._held = data
            return
        data, self._held = self._held + data, b""
        self._transport.write(data)

    def flush(self) -> None:
        if self._held:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the transport's own
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """Answers in one write; a request must be whole in time, and so many connections may be open."""

    seconds = 10.0
    most = 1_000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it."""
        self._joined = _Joined(transport)
        super().connection_made(self._joined)  # type: ignore[arg-type]
        self._head = 0
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._late)
        if len(self.connections) > self.most:
            self._end(429, "too many connections: try again in a second")

    def data_received(self, data: bytes) -> None:
        """Hand on what came; time runs until the request is whole."""
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            # After a refusal the rest of a body may still come: it is no head.
            self._head += len(data) if cycle is None or not cycle.more_body else 0
            if self._head > _MOST_HEAD and not self.transport.is_closing():
                self._end(431, "the head of the request is too large: send less, or wait for answers")
        elif not cycle.more_body:
            self._head = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._late)

    def on_response_complete(self) -> None:
        """Let go of a head without a body."""
        self._joined.flush()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._end(408, "the request took too long to arrive: send it again, at once")
        elif cycle.more_body:  # the application answers what there is
            cycle.scope["verdict.late"] = True  # type: ignore[typeddict-unknown-key]
            cycle.more_body = cycle.keep_alive = False
            cycle.message_event.set()

    def _end(self, status: int, message: str) -> None:
        """Answer without the application, and close."""
        body = json.dumps({"error": message}).encode() + b"\n"
        head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()
