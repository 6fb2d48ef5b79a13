"""What a client gets instead of an answer: a status and one line of JSON that says what to do, never what it sent."""

import json

from starlette.types import Send


class Refusal(Exception):  # noqa: N818 - it is an answer
    """A request that is not answered.

    Args:
        status: of HTTP.
        kind: what failures are counted by.
        message: what is wrong and what to do; it holds nothing of the request.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(kind)
        self.status, self.kind, self.message = status, kind, message


class GoneError(Exception):
    """The client has left before its request was whole."""


async def respond(send: Send, status: int, body: bytes, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Send a whole answer of JSON."""
    length = b"%d" % len(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", length), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, refusal: Refusal) -> None:
    """Send what a refusal says."""
    more: tuple[tuple[bytes, bytes], ...] = ()
    if refusal.status == 401:
        more = ((b"www-authenticate", b"Bearer"),)
    elif refusal.status == 429:
        more = ((b"retry-after", b"1"),)
    await respond(send, refusal.status, json.dumps({"error": refusal.message}).encode() + b"\n", more)
