"""Tokens of a text: its words; in scripts without blanks between words, pairs of letters."""

import re

# Han, kana, Thai, Lao, Khmer and Burmese: split at blanks, a whole sentence would be one word.
_RUNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_RUNS}]+|[^{_RUNS}]+")
_HAS_RUN = re.compile(f"[{_RUNS}]")
_WORD = re.compile(r"\w+")


def tokens(text: str, word: re.Pattern[str] = _WORD) -> list[str]:
    """The words of a text, in order; those of a script without blanks are split into pairs of neighbouring letters."""
    words = word.findall(text)
    if text.isascii() or not _HAS_RUN.search(text):
        return words
    return [token for found in words for part in _RUN.findall(found) for token in _pairs(part)]


def _pairs(part: str) -> list[str]:
    """The pairs of neighbouring letters of a run without blanks; any other part as it is."""
    if len(part) < 2 or not _HAS_RUN.match(part):
        return [part]
    return [part[start : start + 2] for start in range(len(part) - 1)]
