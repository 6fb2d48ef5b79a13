"""Tests of verdict/monitoring/reference/words.py."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verdict.monitoring.reference.words import Counter, split_words, word_hash


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
    assert split_words(text) == found


def test_each_word_has_its_place() -> None:
    """A frequent word has one of its own; others are known by their hash, or not at all."""
    counter = Counter(["the", "soup"], [word_hash("cold")])
    assert counter.names == ("the", "soup", "(other)", "(unknown)")
    assert counter.count(["The cold soup, the lamp", ""]).tolist() == [[2, 1, 1, 2], [0, 0, 0, 0]]


@given(st.text(st.characters(max_codepoint=127)) | st.text())
@example("".join(map(chr, range(128))))
@example("snake_case x1 don't!! \x1c\x85\x7f")
def test_ascii_is_counted_as_all_other_text(text: str) -> None:
    """By whichever way a text is counted, its words are those of `words`."""
    every = split_words(text)
    frequent = sorted(set(every))[::2]
    counter = Counter(frequent, map(word_hash, sorted(set(every))[1::4]))
    counted = dict(zip(counter.names, counter.count([text])[0].tolist(), strict=True))
    assert {word: counted[word] for word in frequent} == {word: every.count(word) for word in frequent}
    known = {word_hash(word) for word in sorted(set(every))[1::4]}
    assert counted["(other)"] == sum(word_hash(word) in known for word in every if word not in frequent)
    assert sum(counted.values()) == len(every)
