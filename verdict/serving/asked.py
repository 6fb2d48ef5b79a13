"""What a client may ask, as types: requests are checked by them, and the OpenAPI document shows them."""

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from verdict.serving.settings import MOST_CHARACTERS, MOST_TEXTS

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


class Named(TypedDict):
    """What has a name."""

    name: str


class Tensor(Named):
    """A column of texts, in the words of the Open Inference Protocol."""

    shape: list[Annotated[int, Field(ge=0, le=MOST_TEXTS)]]
    datatype: str
    data: Annotated[list[str | list[str]], Field(json_schema_extra={"maxItems": MOST_TEXTS})]


class Inference(TypedDict):
    """A request of the Open Inference Protocol; of `outputs` the names are read, all by default."""

    id: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]
    inputs: Annotated[list[Tensor], Field(min_length=1)]
    outputs: NotRequired[list[Named]]


class Prediction(TypedDict):
    """One answer: the label, the probability of each, the release that says so, and a receipt."""

    label: str
    probabilities: dict[str, float]
    version: str
    receipt: str


class Predictions(TypedDict):
    """An answer to each text."""

    predictions: list[Prediction]


class Output(Named):
    """A column of answers."""

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


PREDICT: TypeAdapter[One | Many] = TypeAdapter(One | Many)
INFER: TypeAdapter[Inference] = TypeAdapter(Inference)
