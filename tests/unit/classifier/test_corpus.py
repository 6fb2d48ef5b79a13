"""Tests of verdict/classifier/dataset/splits.py."""

from collections import Counter
from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import LABELS, SCHEMA, label_of, normalise, require_labels, rows, split, split_of
from verdict.classifier.dataset.vader import Ratings, Sentence
from verdict.classifier.params import Params


def sentence(key: str, text: str, domain: str = "movies", valence: float = 1.0) -> Sentence:
    """A sentence with three raters."""
    return Sentence(domain, key, valence, text, Ratings(3, valence, 0.5))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Yay.", "YAY!!!", True),
        (":)", ":(", False),
        ("good", "goods", False),
        ("ﬁne", "fine", True),
        (" :) ", ":)", True),
    ],
)
def test_normalise_keeps_words_and_lone_emoticons_apart(left: str, right: str, same: bool) -> None:
    """Case and punctuation do not tell sentences apart, except where there is nothing else."""
    assert (normalise(left) == normalise(right)) is same


@pytest.mark.parametrize(
    ("valence", "label"),
    [(0.05, "neutral"), (-0.05, "neutral"), (0.0501, "positive"), (-0.0501, "negative"), (0.0, "neutral")],
)
def test_the_neutral_band_includes_its_ends(valence: float, label: str) -> None:
    """Exactly ±0.05 is neutral, as in the paper."""
    assert label_of(valence, 0.05) == label


def kept(sentences: list[Sentence]) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Id and document of the rows that were kept, and the counts of what was dropped."""
    dropped: Counter[tuple[str, str]] = Counter()
    made = [(row.id, row.document) for row in rows(sentences, 0.05, dropped)]
    return made, {reason: count for (_, reason), count in dropped.items()}


def test_the_same_text_twice_is_kept_once_and_counted() -> None:
    """The first of two equal texts stays, after entities were decoded."""
    assert kept([sentence("1", "salt &amp; pepper"), sentence("2", "salt & pepper")]) == (
        [("movies-1", "movies-1")],
        {"text seen before": 1},
    )


def test_variants_of_one_tweet_are_one_document() -> None:
    """Tweets with the same words stay, and share a document, so that no split tears them apart."""
    made, dropped = kept([sentence("1", "Yay.", "tweets"), sentence("2", "YAY!!!", "tweets")])
    assert made == [("tweets-1", "tweets-1"), ("tweets-2", "tweets-1")]
    assert dropped == {}


def test_the_same_words_in_two_reviews_are_dropped() -> None:
    """Products keep their own documents, so the same words in another one are a duplicate."""
    made, dropped = kept([sentence("1_1", "Works well.", "products"), sentence("2_1", "works well", "products")])
    assert made == [("products-1_1", "products-1")]
    assert dropped == {"words seen in another document": 1}


def test_the_same_words_twice_in_one_review_are_kept() -> None:
    """Within a document nothing can leak, so a variant stays."""
    made, _ = kept([sentence("1_1", "Works well.", "products"), sentence("1_2", "works well", "products")])
    assert made == [("products-1_1", "products-1"), ("products-1_2", "products-1")]


def test_a_text_of_entities_for_blanks_is_dropped_as_empty() -> None:
    """A text that is empty after cleaning is counted as such."""
    assert kept([sentence("1", "&nbsp;")]) == ([], {"no text": 1})


def test_the_split_of_a_document_does_not_depend_on_the_others(params: Params) -> None:
    """Rows keep their split when rows are added before and after them."""
    texts = [f"lamp number {number}" for number in range(200)]
    few = split(rows([sentence(str(n), t) for n, t in enumerate(texts)], 0.05, Counter()), params.prepare)
    more = [sentence(f"x{n}", f"boat number {n}") for n in range(200)] + [
        sentence(str(n), t) for n, t in enumerate(texts)
    ]
    many = split(rows(more, 0.05, Counter()), params.prepare)
    for name, table in few.items():
        assert set(table["id"].to_pylist()) <= set(many[name]["id"].to_pylist())
        assert table.schema == SCHEMA


def test_the_shares_of_the_splits_are_those_of_the_params(params: Params) -> None:
    """Of 10,000 documents each split gets its share to within 1.5 points."""
    counts = Counter(split_of(f"movies-{number}", params.prepare) for number in range(10_000))
    assert counts["test"] / 10_000 == pytest.approx(params.prepare.test_share, abs=0.015)
    assert counts["validation"] / 10_000 == pytest.approx(params.prepare.validation_share, abs=0.015)


def test_another_salt_is_another_split(params: Params) -> None:
    """The salt moves documents between splits."""
    other = params.prepare.model_copy(update={"salt": "other"})
    documents = [f"movies-{number}" for number in range(100)]
    assert [split_of(d, params.prepare) for d in documents] != [split_of(d, other) for d in documents]


def test_an_unknown_label_is_refused_with_its_row() -> None:
    """A class that is none of the three is named with the row it stands in."""
    with pytest.raises(VerdictError, match="row 1: unknown label 'mixed'"):
        require_labels(Path("table.parquet"), [LABELS[0], "mixed"])
