"""Word and character TF-IDF: `fit` learns the vocabulary and the weights, `TfIdf` applies them.

Both give scikit-learn's results (tests compare them). scikit-learn spends most of a prediction on cutting words that it
has already seen into n-grams; here the n-grams of a word are cached, and no stage but train imports scikit-learn.
"""

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt

from verdict.base.errors import VerdictError
from verdict.classifier.features.negation import marked_tokens
from verdict.classifier.features.rows import Row, SparseRows, stack_rows
from verdict.classifier.params import Ngrammed, Ngrams

Floats = npt.NDArray[np.float32]
# The most words that are cached, and the length of the longest, which keeps memory constant.
_REMEMBERED = 200_000
_MEMORABLE_LENGTH = 64
# Texts that are weighed at a time.
_TEXTS = 1_000
# Below and above all feature numbers.
_ENDS = (-1, 2**31 - 1)
_FIRST = np.zeros(1, dtype=np.intp)
# Measured with benchmarks/scaling.py, where the stage train reaches the peak: 132 bytes for each character of training
# text on top of 0.3 GiB.
_BYTES_PER_CHARACTER = 140
_GIB_AT_REST = 0.3


@dataclass
class Block:
    """One kind of n-gram: `terms` in the order of their feature numbers, `idf` of shape (terms,)."""

    terms: list[str]
    idf: Floats
    ngrams: tuple[int, int]
    _numbers: dict[str, int] = field(init=False, repr=False)
    _known: dict[str, "array[int]"] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = {term: number for number, term in enumerate(self.terms)}

    def words(self, tokens: Sequence[str]) -> list[int]:
        """Feature numbers of the known word n-grams, once for each time they occur."""
        get, (shortest, longest) = self._numbers.get, self.ngrams
        grams = word_grams(tokens, (shortest, shortest))
        known = list(map(get, grams))
        numbers = [number for number in known if number is not None]
        for size in range(shortest + 1, longest + 1):
            # No term is more frequent than a part of it, so what has an unknown part is unknown.
            parts = zip(grams, tokens[size - 1 :], known, known[1:], strict=False)
            grams = [f"{gram} {last}" if one is not None and two is not None else "" for gram, last, one, two in parts]
            known = [get(gram) if gram else None for gram in grams]
            numbers += [number for number in known if number is not None]
        return numbers

    def characters(self, tokens: Sequence[str]) -> "array[int]":
        """Feature numbers of the known character n-grams within the tokens, their edges as blanks."""
        numbers_found = array("i")
        for token in tokens:
            numbers = self._known.get(token)
            if numbers is None:
                numbers = array(
                    "i", (n for n in map(self._numbers.get, char_grams(token, self.ngrams)) if n is not None)
                )
                if len(token) <= _MEMORABLE_LENGTH:
                    if len(self._known) >= _REMEMBERED:
                        self._known.clear()
                    self._known[token] = numbers
            numbers_found.extend(numbers)
        return numbers_found


def word_grams(tokens: Sequence[str], ngrams: tuple[int, int]) -> list[str]:
    """The n-grams of the tokens, each as often as it occurs."""
    grams: list[str] = []
    for size in range(ngrams[0], ngrams[1] + 1):
        # zip of the shifted lists is the sliding window; for size 1 the tokens are the n-grams.
        windows = zip(*(tokens[start:] for start in range(size)), strict=False)
        grams += tokens if size == 1 else map(" ".join, windows)
    return grams


def char_grams(token: str, ngrams: tuple[int, int]) -> Iterator[str]:
    """The n-grams of scikit-learn's `char_wb`: a token shorter than n counts once, whole."""
    padded = f" {token} "
    for size in range(ngrams[0], ngrams[1] + 1):
        if size >= len(padded):
            yield padded
            break
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


@dataclass
class TfIdf:
    """Text in, sparse features out: the word block first, then the character block, each of length 1 (L2)."""

    word: Block
    char: Block
    params: Ngrammed

    @property
    def size(self) -> int:
        """The number of features."""
        return len(self.word.terms) + len(self.char.terms)

    @cached_property
    def _idf(self) -> Floats:
        return np.concatenate([self.word.idf, self.char.idf])

    def transform(self, texts: Iterable[str]) -> SparseRows:
        """Features of shape (texts, size), float32, indices sorted."""
        rows = map(self._row, texts)
        parts = iter(lambda: list(islice(rows, _TEXTS)), [])
        matrices = [SparseRows.from_rows(part, self.size) for part in parts]
        return stack_rows(matrices or [SparseRows.from_rows([], self.size)])

    def _row(self, text: str) -> Row:
        """The features of a text, (1 + log count) · idf, each block then of length 1."""
        tokens = marked_tokens(text, self.params.negation_span, self.params.repeat_after_but)
        words, split = self.word.words(tokens), len(self.word.terms)
        found = array("i", _ENDS)
        found.extend(words)
        found.extend(self.char.characters(tokens))
        numbers = np.frombuffer(found, np.int32)
        numbers[len(_ENDS) + len(words) :] += split
        numbers.sort()
        last = (numbers[1:] != numbers[:-1]).nonzero()[0]  # of each run of like numbers
        indices = numbers[last[1:]]
        data = np.log((last[1:] - last[:-1]).astype(np.float32))
        data += 1
        data *= self._idf[indices]
        at = len(set(words))
        _normalise(data[:at])
        _normalise(data[at:])
        return indices, data


def _normalise(block: Floats) -> None:
    """Scale a block to length 1, in place."""
    if len(block):  # reduceat: reduce adds in another order, so that last bits differ
        block /= math.sqrt(np.add.reduceat(block * block, _FIRST)[0]) or 1


def fit(texts: Sequence[str], params: Ngrammed) -> TfIdf:
    """Learn both vocabularies and their inverse document frequencies from the training texts.

    Raises:
        VerdictError: the texts would need more memory than `featurize.max_memory_gib`, or none of their terms is
            frequent enough to be kept.
    """
    refuse_if_too_large(sum(map(len, texts)), params.max_memory_gib)
    tokens = [marked_tokens(text, params.negation_span, params.repeat_after_but) for text in texts]

    @lru_cache(_REMEMBERED)
    def grams_of(token: str) -> frozenset[str]:
        return frozenset(char_grams(token, params.char.ngrams))

    words = _learn_block((set(word_grams(row, params.word.ngrams)) for row in tokens), params.word)
    chars = _learn_block((set[str]().union(*map(grams_of, row)) for row in tokens), params.char)
    if not words.terms and not chars.terms:  # words alone may be none: a language without spaces, a text each
        remedy = "lower featurize.word.min_df and featurize.char.min_df, or give more data"
        raise VerdictError("params.yaml", "featurize: no n-gram of words or characters is frequent enough", remedy)
    ngram_params = Ngrammed.model_validate({name: getattr(params, name) for name in Ngrammed.model_fields})
    return TfIdf(words, chars, ngram_params)


def _learn_block(texts: Iterable[set[str]], settings: Ngrams) -> Block:
    """Learn the terms that are frequent enough, in order, and their IDF, smoothed as scikit-learn does it."""
    number, frequency = 0, Counter[str]()
    for number, terms in enumerate(texts, 1):  # noqa: B007 - the last one is how many there are
        frequency.update(terms)
    kept = sorted(term for term, count in frequency.items() if count >= settings.min_df)
    counts = np.array([frequency[term] for term in kept], dtype=np.float32)
    return Block(kept, np.log(np.float32(number + 1) / (counts + np.float32(1))) + np.float32(1), settings.ngrams)


def refuse_if_too_large(characters: int, max_memory_gib: float) -> None:
    """Refuse, before any work, a text that needs more memory than `max_memory_gib` or than the machine has."""
    estimate = _GIB_AT_REST + characters * _BYTES_PER_CHARACTER / 2**30
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    allowed = min(max_memory_gib, machine)
    if estimate > allowed:
        what = f"{characters:,} characters of training text need about {estimate:.1f} GiB, there are {allowed:.1f}"
        remedy = (
            "featurize.method: hashing, which needs the same memory for any number of rows (train.model: linear);"
            " or less data; or a machine with more memory and a higher featurize.max_memory_gib"
        )
        raise VerdictError("params.yaml", what, remedy)
