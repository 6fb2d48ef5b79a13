"""The base class of params.yaml's groups, which are frozen and forbid unknown keys, and its error messages."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """A group of params: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def explain(error: ValidationError) -> str:
    """List the unusable keys, one a line, each with its problem."""
    return "".join(f"\n  {_message(problem)}" for problem in error.errors())


def _message(problem: Mapping[str, Any]) -> str:
    if not problem["loc"]:  # of several groups: the message names them
        return str(problem["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(map(str, problem['loc']))}: {_wording(problem['type'], problem['msg'], problem['input'])}"


def _wording(kind: str, message: str, given: object) -> str:
    if kind == "extra_forbidden":
        return "unknown key (a typo?)"
    if kind == "missing":
        return "missing"
    shown = "NaN" if isinstance(given, float) and math.isnan(given) else repr(given)
    return f"{message.removeprefix('Value error, ')}, not {shown if len(shown) < 80 else shown[:77] + '...'}"
