"""Tests of verdict/classifier/features/negation.py and verdict/classifier/features/tfidf.py."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from verdict.base.errors import VerdictError
from verdict.classifier.features import tfidf
from verdict.classifier.features.negation import mark
from verdict.classifier.features.sparse_io import to_scipy
from verdict.classifier.params import Params

TRAINING = [
    "the lamp is good , really good",
    "the boat is not good",
    "I don't like the old boat but the lamp is fine :)",
    "a boat , a lamp , and a bridge !!",
    "so so so bad",
    "the soup was cold and the soup was late",
]
UNSEEN = ["the lamp is not so good :)", "", "zebra", "😀 good 😀", "a", "so so so so", "I DON'T KNOW!!", "x" * 500]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The lamp is Good", "the lamp is good"),
        ("not good at all, thanks", "not GOOD AT ALL , thanks"),
        ("I don't like this old red boat", "i don't LIKE THIS OLD RED boat"),
        ("never but good", "never but good good"),
        ("cold but cheap but late", "cold but cheap but late late"),
        ("wow :)", "wow :)"),
        ("", ""),
    ],
)
def test_negated_words_are_capitalised_and_the_end_after_but_repeated(text: str, expected: str) -> None:
    """Marks reach to the end of the clause, at most four words, and what follows the last "but" stands twice."""
    assert mark(text, negation_span=4, repeat_after_but=True) == expected


def test_marking_can_be_switched_off() -> None:
    """With a span of 0 and no repetition only the case is folded."""
    assert mark("Not good but cheap", negation_span=0, repeat_after_but=False) == "not good but cheap"


@pytest.fixture
def small(params: Params) -> Params:
    """The params with every n-gram kept."""
    return with_min_df(params, 1)


def with_min_df(params: Params, least: int) -> Params:
    """The params with every n-gram kept that stands in so many texts."""
    settings = params.featurize
    kept = {name: getattr(settings, name).model_copy(update={"min_df": least}) for name in ("word", "char")}
    return params.model_copy(update={"featurize": settings.model_copy(update=kept)})


def by_scikit_learn(small: Params, texts: list[str]) -> sp.csr_matrix:
    """What scikit-learn's own transform makes of the texts."""
    settings = small.featurize
    marked = [[mark(t, settings.negation_span, settings.repeat_after_but) for t in part] for part in (TRAINING, texts)]
    blocks = []
    for analyzer, block in (("word", settings.word), ("char_wb", settings.char)):
        vectorizer = TfidfVectorizer(
            analyzer=analyzer,
            token_pattern=r"\S+" if analyzer == "word" else None,
            ngram_range=block.ngrams,
            min_df=block.min_df,
            lowercase=False,
            sublinear_tf=True,
        )
        blocks.append(vectorizer.fit(marked[0]).transform(marked[1]))
    return sp.hstack(blocks, format="csr")


@pytest.mark.parametrize("least", [1, 2])
def test_the_features_are_those_of_scikit_learn(params: Params, least: int) -> None:
    """On seen and unseen texts, with all terms and with the frequent ones, the values are scikit-learn's to 1e-6."""
    texts, kept = [*TRAINING, *UNSEEN], with_min_df(params, least)
    ours = to_scipy(tfidf.fit(TRAINING, kept.featurize).transform(texts))
    theirs = by_scikit_learn(kept, texts)
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() < 1e-6


def test_forgetting_words_changes_nothing(small: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two remembered words the features are the same as with room for all."""
    expected = to_scipy(tfidf.fit(TRAINING, small.featurize).transform(TRAINING * 2))
    monkeypatch.setattr(tfidf, "_REMEMBERED", 2)
    encoder = tfidf.fit(TRAINING, small.featurize)
    assert (to_scipy(encoder.transform(TRAINING * 2)) != expected).nnz == 0
    assert len(encoder.char._known) <= 2


def test_rows_have_length_one_in_each_block_or_none(small: Params) -> None:
    """Each block of a row has length 1, and one without a known n-gram is empty."""
    encoder = tfidf.fit(TRAINING, small.featurize)
    words = to_scipy(encoder.transform(["the lamp", "zebra"]))[:, : len(encoder.word.terms)]
    assert np.sqrt(words.multiply(words).sum(axis=1)).ravel().tolist()[0] == pytest.approx([1, 0], abs=1e-6)


def test_texts_without_a_frequent_term_are_refused(params: Params) -> None:
    """Where no n-gram reaches min_df, the params are named."""
    with pytest.raises(VerdictError, match=r"no n-gram of words or characters"):
        tfidf.fit(["apple", "bridge"], params.featurize)


def test_texts_of_one_word_each_are_told_apart_by_their_characters(params: Params) -> None:
    """In a language without spaces no word may be frequent; characters suffice."""
    texts = ["好看的电影", "好看的房间", "难看的电影", "难看的房间"]
    encoder = tfidf.fit(texts, with_min_df(params, 2).featurize)
    assert encoder.word.terms == []
    found = encoder.transform([*texts, ""])
    assert found.shape == (5, len(encoder.char.terms))
    assert np.diff(found.indptr).tolist()[-1] == 0 < min(np.diff(found.indptr).tolist()[:-1])


def test_too_much_text_is_refused_up_front_with_the_figure() -> None:
    """A corpus that would not fit is refused with the estimate, one that fits is not."""
    with pytest.raises(VerdictError, match=r"10,000,000,000 characters .* need about 1304\.\d GiB"):
        tfidf.refuse_if_too_large(10_000_000_000, 4)
    tfidf.refuse_if_too_large(1_000_000, 1)
