"""The text of a row: columns joined, cleaned and cut in the same way for training, prediction and every check.

Neither pandas nor pyarrow is imported here: a prediction needs neither.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
# A text that is not yet clean may be so many times as long as the limit: an escaped character takes about five.
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


# The steps of cleaning by their names in a manifest. A step never changes: another way of cleaning gets another name,
# since old artifacts would read other text.
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
    """The recipe of an artifact's text: its columns, their separator, the steps of cleaning, the greatest length."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    columns: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = ("text",)
    separator: str = " "
    cleaning: Annotated[tuple[str, ...], Field(strict=False)] = CLEANING
    max_length: Annotated[int, Field(ge=1)]

    def unknown_steps(self) -> list[str]:
        """The steps of `cleaning` that this code does not have."""
        return [step for step in self.cleaning if step not in STEPS]

    def clean(self, text: str) -> str:
        """Clean a text and cut it to `max_length` characters; a second time changes nothing."""
        cleaned = clean(text[: _RAW_FACTOR * self.max_length], self.cleaning)
        return cleaned if len(cleaned) <= self.max_length else clean(cleaned[: self.max_length], self.cleaning)

    def is_cut(self, text: str) -> bool:
        """True if the text is too long to be read whole."""
        longest = self.max_length
        return len(text) > longest and (len(text) > _RAW_FACTOR * longest or len(clean(text, self.cleaning)) > longest)

    def join(self, value: str | Mapping[str, str]) -> str:
        """Join an object of the columns to one text, in their order; return a plain text unchanged.

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
