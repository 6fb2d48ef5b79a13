"""Test sentences that nearly stand in what is trained on: a word added, swapped or misspelt, two glued into one.

Sentences are compared by their sets of words. Some near-duplicates stand in any corpus, and honest new data brings
more at main's own rate; what counts is a rise that chance does not explain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.special import betainc

from classifier.corpus import normalise
from classifier.files import read_table
from review.data import PREPARED
from review.evidence import Evidence
from review.rules import Rule
from review.words import counted

NAME = "near-duplicates"
# Shared words ÷ the geometric mean of both counts: four words with one swapped, two with one added, ten with five.
ALIKE = 0.75
# Of two sentences that share at least so many words, the shorter one stands in the longer one up to so much of it.
HELD, HELD_WORDS = 0.85, 5
# A rise is one that chance brings less often than this.
CHANCE = 1e-4
_LEARNT = ("train", "validation")  # with `train.refit` the artifact learns from both
_ROWS = 256  # test sentences at a time: keeps a product with 20,000 others below 50 MB

Words = frozenset[str]


@dataclass(frozen=True)
class Rise:
    """Near-duplicates that a change brings.

    `pairs` has each of them, a test sentence and one that is trained on; `share` is the number of pairs of sentences
    that main does not have, ÷ the number of those that it has.
    """

    pairs: tuple[tuple[str, str], ...]
    on_main: int
    share: float

    @property
    def expected(self) -> float:
        """How many so many new pairs bring at main's rate; as if main had one more, for it may have none by chance."""
        return (self.on_main + 1) * self.share

    @property
    def by_chance(self) -> float:
        """How likely chance brings as many: both counts are Poisson's, of one rate that main's count tells about."""
        share = self.share / (1 + self.share)
        return float(betainc(len(self.pairs), self.on_main + 1, share)) if self.pairs else 1.0

    @property
    def measurable(self) -> bool:
        """Whether chance does not explain it."""
        return self.by_chance < CHANCE


def rise(base: tuple[Iterable[str], Iterable[str]], candidate: tuple[Iterable[str], Iterable[str]]) -> Rise:
    """Compare the texts of (test, trained on) of main and of a change. Sentences of the same words count once."""
    old, new = (tuple(map(_by_words, side)) for side in (base, candidate))
    known = set(near(list(old[0]), list(old[1])))
    came = near(list(new[0]), [words for words in new[1] if words not in old[1]])
    came |= near([words for words in new[0] if words not in old[0]], list(new[1]))
    pairs = tuple((new[0][words], new[1][other]) for words, other in came.items() if words not in known)
    kept = [len(new[side].keys() & old[side].keys()) for side in (0, 1)]
    share = (len(new[0]) * len(new[1]) - kept[0] * kept[1]) / max(len(old[0]) * len(old[1]), 1)
    return Rise(pairs, len(known), share)


def near(tested: Sequence[Words], learnt: Sequence[Words]) -> dict[Words, Words]:
    """The test sentences that nearly stand among the others, each with the one that is most like it."""
    columns: dict[str, int] = {}
    left, right = (_matrix(side, columns) for side in (tested, learnt))
    other = sp.csr_matrix((right.data, right.indices, right.indptr), (len(learnt), len(columns))).T.tocsr()
    sizes = np.diff(right.indptr)
    found = {}
    for begin in range(0, len(tested) if len(learnt) else 0, _ROWS):
        some = left[begin : begin + _ROWS]
        rows = sp.csr_matrix((some.data, some.indices, some.indptr), (some.shape[0], len(columns)))
        shared = (rows @ other).tocoo()
        own, theirs = np.diff(rows.indptr)[shared.row], sizes[shared.col]
        alike = shared.data / np.sqrt(own * theirs)
        held = (shared.data >= HELD_WORDS) & (shared.data >= HELD * np.minimum(own, theirs))
        hits = np.flatnonzero((alike >= ALIKE) | held)
        for hit in hits[np.argsort(alike[hits])]:  # the most alike comes last, and stays
            found[tested[begin + shared.row[hit]]] = learnt[shared.col[hit]]
    return found


def _by_words(texts: Iterable[str]) -> dict[Words, str]:
    """The sets of words, each with the first text that has it."""
    found: dict[Words, str] = {}
    for text in texts:
        found.setdefault(frozenset(normalise(text).split()), text)
    return found


def _matrix(sentences: Sequence[Words], columns: dict[str, int]) -> sp.csr_matrix:
    """Which words each sentence has; `columns` gains the new ones."""
    places = [columns.setdefault(word, len(columns)) for words in sentences for word in words]
    ends = np.cumsum([0, *map(len, sentences)])
    ones: npt.NDArray[np.float32] = np.ones(len(places), np.float32)
    return sp.csr_matrix((ones, np.asarray(places, np.int32), ends), (len(sentences), max(len(columns), 1)))


def rule(base: Evidence, candidate: Evidence, approvals: Iterable[str]) -> Rule:
    """No measurable rise of near-duplicates; free where the prepared data is main's."""
    asks = "test sentences nearly stand in the training data no more often than new data brings by chance"
    if all(base.revision.hash_of(path) == candidate.revision.hash_of(path) for path in PREPARED.values()):
        return Rule(NAME, asks, True, "the prepared data is main's")
    found = rise(*((_texts(side, ("test",)), _texts(side, _LEARNT)) for side in (base, candidate)))
    many = counted(len(found.pairs), "more test sentence")
    text = f"{many}, {found.expected:.1f} to be expected; {found.on_main} on main"
    if not found.measurable:
        return Rule(NAME, asks, True, text)
    first = "; ".join(f"{tested[:80]!r} and {learnt[:80]!r}" for tested, learnt in found.pairs[:3])
    approved = "data" in approvals
    remedy = "take them out of the training data, or let a person approve it: --approve data"
    return Rule(NAME, asks, approved, f"{text}; such as {first}", remedy, approved, many)


def _texts(side: Evidence, splits: Iterable[str]) -> pd.Series:
    """The texts of some splits."""
    paths = [side.store.file(side.revision, PREPARED[split]) for split in splits]
    return pd.concat([read_table(path, "dvc repro prepare", ["text"])["text"] for path in paths], ignore_index=True)
