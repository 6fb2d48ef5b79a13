"""Tests of verdict/classifier/dataset/text.py: one way from what a user wrote to what a model reads."""

import random

import pytest

from verdict.classifier.dataset.text import CLEANING, STEPS, Text, clean

# What escapes, composes or is folded, in pieces: put together at random they make what no list of examples would.
PIECES = ["&", "amp;", "amp", "#38;", "#x26;", "lt;", "hearts", ";", "\u037e", "&nbsp;", "e", "\u0301", "\u212aappa"]
PIECES += [" ", "\t", "\x00", "\x85", "\u2028", "\u00a0", "&#0;", "&#769;", "\u0958", "not", "'"]


def made_up(seed: int) -> str:
    """A text of up to 40 pieces."""
    chance = random.Random(seed)
    return "".join(chance.choices(PIECES, k=chance.randrange(40)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("salt &amp; pepper", "salt & pepper"),
        ("salt &amp;amp; pepper", "salt & pepper"),
        ("salt &amp;amp;amp;amp;amp; pepper", "salt & pepper"),
        ("it&amp;#39;s", "it's"),
        ("&hearts\u037e", "\u2665"),
        ("  a \t lamp\u00a0here ", "a lamp here"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x07lamp", "a lamp"),
        ("AT&T", "AT&T"),
        ("", ""),
    ],
)
def test_clean_decodes_composes_and_folds(text: str, expected: str) -> None:
    """Entities are decoded however often they were escaped, characters composed, white space folded."""
    assert clean(text) == expected


@pytest.mark.parametrize("longest", [1, 7, 1000])
def test_what_is_clean_stays_as_it_is(longest: int) -> None:
    """A text cleaned and cut once is the same after a second time, whatever it was made of and wherever it was cut."""
    recipe = Text(max_length=longest)
    for seed in range(2000):
        once = recipe.clean(made_up(seed))
        assert recipe.clean(once) == once, seed
        assert len(once) <= longest
        assert not recipe.is_cut(once)


def test_only_the_steps_that_are_named_are_taken() -> None:
    """A recipe cleans by its own steps, and by none that it does not name."""
    text = " it&#39;s  cafe\u0301 "
    assert Text(cleaning=(), max_length=100).clean(text) == text
    assert Text(cleaning=("html_entities",), max_length=100).clean(text) == " it's  cafe\u0301 "
    assert set(CLEANING) <= set(STEPS)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a" * 10, False),
        ("a" * 11, True),
        ("&amp;" * 10, False),
        ("a" + " " * 9 + "b", False),
        ("a" + " " * 60 + "b", True),
    ],
)
def test_a_text_is_cut_by_its_length_as_cleaned(text: str, cut: bool) -> None:
    """Entities and white space do not use up the limit; what lies far behind it is not looked at, and counts as cut."""
    assert Text(max_length=10).is_cut(text) is cut


def test_no_more_of_a_text_is_cleaned_than_its_limit_may_need() -> None:
    """Escapes of escapes without end, of which each takes a pass, cost no more than a text of five times the limit."""
    assert Text(max_length=10).clean("&" + "amp;" * 1_000_000) == "&a"


def test_a_text_of_several_columns_is_joined_in_order() -> None:
    """An object of the columns becomes one text as the recipe says; a plain text is one already."""
    recipe = Text(columns=("title", "body"), separator=": ", max_length=100)
    assert recipe.join({"body": "b", "title": "a"}) == "a: b"
    assert recipe.join("a and b") == "a and b"


@pytest.mark.parametrize(
    "value", [{"title": "a"}, {"title": "a", "body": "b", "more": "c"}, {}, {"title": "a", "body": None}]
)
def test_an_object_of_other_columns_is_no_text(value: dict[str, str]) -> None:
    """An object that lacks a column, has another one or holds no text is refused, with what is expected."""
    with pytest.raises(ValueError, match=r"an object of title, body|body: expected a text"):
        Text(columns=("title", "body"), max_length=100).join(value)
