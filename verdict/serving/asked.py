"""What a client may ask, as types: requests are checked by them, and the OpenAPI document shows them."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from starlette.types import Receive, Scope
from typing_extensions import TypedDict

from verdict.serving.refusals import GoneError, Refusal
from verdict.serving.settings import MOST_BYTES, MOST_CHARACTERS, MOST_TEXTS

_ONLY = ConfigDict(extra="forbid")
_SHOWN = {"maxLength": MOST_CHARACTERS}
Plain = Annotated[str, Field(json_schema_extra={**_SHOWN, "examples": ["The soup was cold."]})]
Text = Plain | Annotated[dict[str, str], Field(description="the columns that the artifact makes its text of")]


class One(TypedDict):
    """One text."""

    __pydantic_config__ = _ONLY  # type: ignore[misc]
    text: Text


class Many(TypedDict):
    """Several texts."""

    __pydantic_config__ = _ONLY  # type: ignore[misc]
    texts: Annotated[list[Text], Field(json_schema_extra={"maxItems": MOST_TEXTS})]


class Tensor(TypedDict):
    """A column of texts, in the words of the Open Inference Protocol."""

    name: str
    shape: list[Annotated[int, Field(ge=0, le=MOST_TEXTS)]]
    datatype: str
    data: Annotated[list[str | list[str]], Field(json_schema_extra={"maxItems": MOST_TEXTS})]


class _Wanted(TypedDict):
    name: str


class _Extras(TypedDict, total=False):
    id: str
    parameters: dict[str, Any]
    outputs: list[_Wanted]


class Inference(_Extras):
    """A request of the Open Inference Protocol."""

    inputs: Annotated[list[Tensor], Field(min_length=1)]


class Prediction(TypedDict):
    """One answer: the label, the probability of each, the release that says so, and a receipt."""

    label: str
    probabilities: dict[str, float]
    version: str
    receipt: str


class Predictions(TypedDict):
    """An answer to each text."""

    predictions: list[Prediction]


class Output(TypedDict):
    """A column of answers."""

    name: str
    shape: list[int]
    datatype: str
    data: list[str] | list[float]


class _Inferred(TypedDict):
    model_name: str
    model_version: str
    outputs: list[Output]


class Inferred(_Inferred, total=False):
    """An answer of the Open Inference Protocol."""

    id: str


class Error(TypedDict):
    """Why there is no answer, and what to do."""

    error: str


PREDICT: TypeAdapter[One | Many] = TypeAdapter(One | Many)
INFER: TypeAdapter[Inference] = TypeAdapter(Inference)


async def body_of(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        Refusal: it is too large, or came too slowly.
        GoneError: the client has left.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(body) > MOST_BYTES:
            break
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
        if error.errors(include_input=False, include_context=False, include_url=False)[0]["type"] == "json_invalid":
            raise Refusal(status, "malformed", f"the body is not JSON in UTF-8: send {expected}") from None
        raise Refusal(status, "malformed", f"the body is other JSON than expected: send {expected}") from None


def require_few(texts: list[str]) -> list[str]:
    """The texts; `Refusal` when there are too many, or one is too long."""
    if len(texts) > MOST_TEXTS:
        raise Refusal(413, "large", f"more than {MOST_TEXTS} texts: send fewer at a time")
    if any(len(text) > MOST_CHARACTERS for text in texts):
        raise Refusal(413, "large", f"a text is longer than {MOST_CHARACTERS:,} characters: send a part of it")
    return texts
