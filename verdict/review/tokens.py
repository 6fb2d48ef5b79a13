"""A text cut into what can be counted: words; of a script that sets no blanks between them, pairs of letters."""

import re

# Han, kana, Thai, Lao, Khmer and Burmese: there a whole sentence would be one word.
_RUNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_RUNS}]+|[^{_RUNS}]+")
_HAS_RUN = re.compile(f"[{_RUNS}]")
_WORD = re.compile(r"\w+")


def tokens(text: str, word: re.Pattern[str] = _WORD) -> list[str]:
    """The words of a text, in order, with those of a script without blanks cut into their pairs of letters.

    Args:
        text: any text, in whatever case it is to be counted.
        word: what a word is, where there are blanks.
    """
    found = word.findall(text)
    if text.isascii() or not _HAS_RUN.search(text):
        return found
    return [token for one in found for part in _RUN.findall(one) for token in _cut(part)]


def _cut(part: str) -> list[str]:
    """Pairs of neighbours, as words are pairs of nothing: one letter more or less changes two of them."""
    if len(part) < 2 or not _HAS_RUN.match(part):
        return [part]
    return [part[place : place + 2] for place in range(len(part) - 1)]
