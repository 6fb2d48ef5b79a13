"""Tests of verdict/monitoring/words.py."""

import pytest

from verdict.monitoring.words import Counter, hashed, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The soup's COLD!!", ["the", "soup", "'", "s", "cold", "!", "!"]),
        ("a\x00b\tc\x85", ["a", "b", "c"]),
        ("你好 été", ["你", "好", "été"]),
        ("😀 \ud800", ["😀", "\ud800"]),
        ("  \n", []),
    ],
)
def test_words_are_in_small_letters_and_marks_stand_alone(text: str, found: list[str]) -> None:
    """White space and control characters are none, a script without blanks has a word a character."""
    assert words(text) == found


def test_each_word_has_its_place() -> None:
    """A frequent word has one of its own; others are known by their hash, or not at all."""
    counter = Counter(["the", "soup"], [hashed("cold")])
    assert counter.names == ("the", "soup", "(other)", "(unknown)")
    assert counter.of(["The cold soup, the lamp", ""]).tolist() == [[2, 1, 1, 2], [0, 0, 0, 0]]
