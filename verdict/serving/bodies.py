"""The body of a request: whole, within bounds, and of the type that is expected."""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope

from verdict.serving.refusals import GoneError, Refusal
from verdict.serving.settings import MOST_BYTES, MOST_CHARACTERS, MOST_TEXTS


async def body_of(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        Refusal: it is too large, or came too slowly.
        GoneError: the client has left.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise GoneError
    if scope.get("verdict.late"):
        raise Refusal(408, "late", "the request took too long to arrive: send it again, at once")
    if len(body) > MOST_BYTES:
        raise Refusal(413, "large", f"the body is larger than {MOST_BYTES:,} bytes: send fewer texts at a time")
    return body


def checked(adapter: TypeAdapter[Any], body: bytes, status: int, expected: str) -> Any:  # noqa: ANN401 - the adapter's
    """A body as its type; `Refusal` for what is not JSON, or something else."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]["type"]
        what = "not JSON in UTF-8" if first == "json_invalid" else "other JSON than expected"
        raise Refusal(status, "malformed", f"the body is {what}: send {expected}") from None


def require_few(texts: list[str]) -> list[str]:
    """The texts; `Refusal` when there are too many, or one is too long."""
    if len(texts) > MOST_TEXTS:
        raise Refusal(413, "large", f"more than {MOST_TEXTS} texts: send fewer at a time")
    if any(len(text) > MOST_CHARACTERS for text in texts):
        raise Refusal(413, "large", f"a text is longer than {MOST_CHARACTERS:,} characters: send a part of it")
    return texts
