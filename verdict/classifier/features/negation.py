"""Turns a text into marked tokens, so that n-grams show negated words and the clause after a "but"."""

import re
from collections.abc import Iterator
from functools import lru_cache

# Words keep their apostrophes; runs of punctuation, and with them emoticons, are tokens too.
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")
_NEGATOR = re.compile(
    r"(?:not|no|never|nor|neither|cannot|cant|dont|wont|isnt|didnt|doesnt|without|hardly|nothing|nobody|none"
    r"|\w+n['’]t)$"
)
_CONTRAST = frozenset({"but", "although", "though", "however", "yet"})
_CLAUSE_END = frozenset(".,;:!?()")
# The most tokens that are cached, and the length of the longest; most text consists of common tokens.
_REMEMBERED = 20_000
_MEMORABLE_LENGTH = 64


def mark(text: str, negation_span: int, repeat_after_but: bool) -> str:
    """Lower-case a text, except for negated words, which are written in CAPITALS.

    Args:
        text: as a user wrote it.
        negation_span: how many words after a negator are negated, at most to the end of the clause; 0 for none.
        repeat_after_but: append what follows the last "but" once more: it is what the text comes down to.

    Returns:
        The tokens, a blank between each two.

    Example:
        >>> mark("It's not good, but short.", 4, True)
        "it's not GOOD , but short . short ."
    """
    return " ".join(marked_tokens(text, negation_span, repeat_after_but))


def marked_tokens(text: str, negation_span: int, repeat_after_but: bool) -> list[str]:
    """The tokens of `mark`."""
    tokens = list(_negated(text, negation_span))
    if repeat_after_but and "but" in tokens:
        last = len(tokens) - 1 - tokens[::-1].index("but")
        tokens += tokens[last + 1 :]
    return tokens


def _negated(text: str, span: int) -> Iterator[str]:
    remaining = 0
    for token in _TOKEN.findall(text):
        lower, negates, ends, is_word = (_classify_cached if len(token) <= _MEMORABLE_LENGTH else _classify)(token)
        if negates:
            remaining = span
            yield lower
            continue
        if ends:
            remaining = 0
        if remaining and is_word:
            remaining -= 1
            yield token.upper()
        else:
            yield lower


def _classify(token: str) -> tuple[str, bool, bool, bool]:
    """Return a token in lower case, and whether it negates, ends a negation, and is a word."""
    lower = token.lower()
    is_word = lower[0].isalnum()
    ends = lower in _CONTRAST or (not is_word and not _CLAUSE_END.isdisjoint(lower))
    return lower, _NEGATOR.match(lower) is not None, ends, is_word


_classify_cached = lru_cache(_REMEMBERED)(_classify)
