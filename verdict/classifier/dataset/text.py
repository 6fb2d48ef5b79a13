"""What a model reads of a row: columns joined, cleaned and cut in one way, for training, prediction and every check.

Neither pandas nor pyarrow is imported here: a prediction needs neither.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from verdict.base.errors import VerdictError

if TYPE_CHECKING:
    import pandas as pd

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
# Before it is cleaned, a text may be so many times as long as its limit: an escaped character has up to five or so.
_RAW_FACTOR = 5


def _html_entities(text: str) -> str:
    """Decode them however often they were escaped ("&amp;#38;")."""
    while (decoded := html.unescape(text)) != text:
        text = decoded
    return text


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _whitespace(text: str) -> str:
    """Fold white space and control characters to single blanks, none at the ends."""
    return " ".join(_CONTROL.sub(" ", text).split())


# The steps of cleaning by the names that stand in a manifest. What a name means never changes: another way of cleaning
# gets another name, or the artifacts that have it would read something else.
STEPS: dict[str, Callable[[str], str]] = {"html_entities": _html_entities, "nfc": _nfc, "whitespace": _whitespace}
CLEANING = ("html_entities", "nfc", "whitespace")


def clean(text: str, steps: Sequence[str] = CLEANING) -> str:
    """Apply `steps` in order, and again until nothing changes: what is clean stays as it is.

    Once would not do: NFC makes a semicolon of a Greek question mark, which may complete an entity.
    """
    while True:
        cleaned = text
        for step in steps:
            cleaned = STEPS[step](cleaned)
        if cleaned == text:
            return text
        text = cleaned


class Text(BaseModel):
    """How an artifact makes its text: which columns, joined by what, cleaned by which steps, cut at which length."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    columns: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = ("text",)
    separator: str = " "
    cleaning: Annotated[tuple[str, ...], Field(strict=False)] = CLEANING
    max_length: Annotated[int, Field(ge=1)]

    def unknown_steps(self) -> list[str]:
        """The steps of `cleaning` that this code does not have."""
        return [step for step in self.cleaning if step not in STEPS]

    def clean(self, text: str) -> str:
        """The text as the model reads it: clean, at most `max_length` characters; a second time changes nothing."""
        cleaned = clean(text[: _RAW_FACTOR * self.max_length], self.cleaning)
        return cleaned if len(cleaned) <= self.max_length else clean(cleaned[: self.max_length], self.cleaning)

    def is_cut(self, text: str) -> bool:
        """Whether a part of the text is not read, since it is too long."""
        longest = self.max_length
        return len(text) > longest and (len(text) > _RAW_FACTOR * longest or len(clean(text, self.cleaning)) > longest)

    def join(self, value: str | Mapping[str, str]) -> str:
        """One text: a plain one as it is, an object of the columns as their texts, joined in order.

        Raises:
            ValueError: an object has other keys than the columns, or a value that is no text.
        """
        if isinstance(value, str):
            return value
        if not isinstance(value, Mapping) or set(value) != set(self.columns):
            raise ValueError(f"expected a text, or an object of {', '.join(self.columns)}")
        if wrong := [name for name in self.columns if not isinstance(value[name], str)]:
            raise ValueError(f"{', '.join(wrong)}: expected a text")
        return self.separator.join(value[name] for name in self.columns)

    def of(self, table: "pd.DataFrame | Mapping[str, Sequence[str]]", where: str) -> Iterable[str]:
        """The text of each row of a prepared table, in which the columns are joined already.

        Raises:
            VerdictError: at `where`, there is no column `text`.
        """
        if "text" not in table:
            raise VerdictError(where, "there is no column text", "dvc repro prepare")
        return table["text"]
