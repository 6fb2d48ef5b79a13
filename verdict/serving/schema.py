"""The types of requests and answers: requests are checked by them, and the OpenAPI document shows them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from verdict.serving.settings import MOST_CHARACTERS, MOST_TEXTS

Plain = Annotated[str, Field(json_schema_extra={"maxLength": MOST_CHARACTERS, "examples": ["The soup was cold."]})]
# A text, or the columns from which the artifact makes its text.
Text = str | dict[str, str]
_Shape = Annotated[list[Annotated[int, Field(ge=0, le=MOST_TEXTS)]], Field(min_length=1, max_length=2)]


class Tensor(TypedDict):
    """A column of texts, in the words of the Open Inference Protocol."""

    name: str
    shape: _Shape
    datatype: Literal["BYTES"]
    data: Annotated[list[str | list[str]], Field(json_schema_extra={"maxItems": MOST_TEXTS})]


class Wanted(TypedDict):
    """A column of answers that is asked for."""

    name: Literal["label", "probabilities", "receipt"]


class Inference(TypedDict):
    """A request of the Open Inference Protocol; without `outputs` all come."""

    id: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]
    inputs: Annotated[list[Tensor], Field(min_length=1)]
    outputs: NotRequired[list[Wanted]]


class Prediction(TypedDict):
    """One answer: the label, the probability of each, the release that says so, and a receipt."""

    label: str
    probabilities: dict[str, float]
    version: str
    receipt: str


class Output(TypedDict):
    """A column of answers."""

    name: str
    shape: list[int]
    datatype: str
    data: list[str] | list[float]


class Inferred(TypedDict):
    """An answer of the Open Inference Protocol."""

    id: NotRequired[str]
    model_name: str
    model_version: str
    outputs: list[Output]


class Error(TypedDict):
    """Why there is no answer, and what to do."""

    error: str


def predict_body(columns: Sequence[str]) -> Any:  # noqa: ANN401 - a type
    """Return the type of a body with one text or several, for an artifact that makes its text of these columns."""
    text: Any = Plain | _closed_object("Columns", dict.fromkeys(columns, str))
    many = Annotated[list[text], Field(json_schema_extra={"maxItems": MOST_TEXTS})]
    return _closed_object("One", {"text": text}) | _closed_object("Many", {"texts": many})


def _closed_object(name: str, keys: dict[str, Any]) -> Any:  # noqa: ANN401 - a type
    """Return the type of an object with these keys and no others."""
    return with_config(ConfigDict(extra="forbid"))(TypedDict(name, keys))  # type: ignore[operator]
