"""Test sentences that nearly stand in what is trained on: a word added, swapped or misspelt, two glued into one.

Sentences are compared by their sets of words. Some near-duplicates stand in any corpus, and honest new data brings
more at main's own rate; what counts is a rise that chance does not explain.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import betainc

from verdict.review.data import PREPARED
from verdict.review.evidence import Evidence
from verdict.review.rules.model import BY_PERSON, Rule
from verdict.review.tables import bounded_table
from verdict.review.words import counted

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
class Side:
    """Main's sentences or a change's, tested and trained on: their words, each with a text of these words."""

    tested: dict[Words, str]
    learnt: dict[Words, str]

    @classmethod
    def of(cls, tested: Iterable[str], learnt: Iterable[str]) -> Self:
        """From texts. Sentences of the same words count once: a corpus has sets of them, such as "Yay." and "YAY!"."""
        return cls(*({_words(text): text for text in texts} for texts in (tested, learnt)))

    @property
    def size(self) -> int:
        """The number of pairs."""
        return len(self.tested) * len(self.learnt)

    def has(self, pair: tuple[Words, Words]) -> bool:
        """Whether it tests the one sentence and trains on the other."""
        return pair[0] in self.tested and pair[1] in self.learnt


@dataclass(frozen=True)
class Rise:
    """Near-duplicates that a change brings.

    `pairs` has a test sentence and one that is trained on, each of these once; `share` is the number of pairs of
    sentences that main does not have, ÷ the number of those that it has.
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


def rise(base: Side, candidate: Side, pairs: Iterable[tuple[Words, Words]]) -> Rise:
    """What a change brings, of all pairs of a test sentence and one that is trained on that are nearly the same."""
    known: set[Words] = set()
    came: dict[Words, Words] = {}
    for pair in pairs:
        if base.has(pair):
            known.add(pair[0])
        elif candidate.has(pair):
            came.setdefault(*pair)
    # One short sentence may be like many: it is one that came, not many that chance would have to explain.
    rows = {other: own for own, other in came.items() if own not in known}
    new = tuple((candidate.tested[own], candidate.learnt[other]) for other, own in rows.items())
    kept = len(base.tested.keys() & candidate.tested.keys()) * len(base.learnt.keys() & candidate.learnt.keys())
    return Rise(new, len(known), (candidate.size - kept) / max(base.size, 1))


def _words(text: str) -> Words:
    """Its words without case, accents and characters that nobody sees; an underscore ends one. Else the whole text."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in parts if unicodedata.category(letter) not in ("Cf", "Mn"))
    folded = text.casefold()
    return frozenset(re.findall(r"[^\W_]+", folded) or [folded.strip()])


def near(tested: Iterable[Words], learnt: Iterable[Words]) -> list[tuple[Words, Words]]:
    """All pairs of a test sentence and one that is trained on that are nearly the same, the most alike first."""
    rows, others = list(tested), list(learnt)
    numbers = {word: number for number, word in enumerate(dict.fromkeys(word for words in others for word in words))}
    right = _matrix(others, numbers)
    columns = right.T.tocsr()
    sizes = np.array([len(words) for words in others])
    found: list[tuple[float, int, int]] = []
    for begin in range(0, len(rows) if others else 0, _ROWS):
        some = rows[begin : begin + _ROWS]
        shared = (_matrix(some, numbers) @ columns).tocoo()
        own = np.array([len(words) for words in some])[shared.row]
        possible = (shared.data >= HELD_WORDS) | (shared.data >= ALIKE**2 * own)  # few, of millions
        count, own, row, col = (part[possible] for part in (shared.data, own, shared.row, shared.col))
        alike = count / np.sqrt(own * sizes[col])
        hits = (alike >= ALIKE) | ((count >= HELD_WORDS) & (count >= HELD * np.minimum(own, sizes[col])))
        found += zip(-alike[hits], row[hits] + begin, col[hits], strict=True)
    return [(rows[own], others[other]) for _, own, other in sorted(found)]


def _matrix(sentences: Sequence[Words], numbers: dict[str, int]) -> sp.csr_matrix:
    """Which of the numbered words each sentence has."""
    places = [[numbers[word] for word in words if word in numbers] for words in sentences]
    flat = np.array([place for row in places for place in row], np.int32)
    ends = np.cumsum([0, *map(len, places)])
    return sp.csr_matrix((np.ones(len(flat), np.float32), flat, ends), (len(sentences), max(len(numbers), 1)))


def rule(base: Evidence, candidate: Evidence, approvals: Iterable[str]) -> Rule:
    """No measurable rise of near-duplicates; free where the prepared data is main's."""
    requirement = "test sentences nearly stand in the training data no more often than new data brings by chance"
    if all(base.revision.hash_of(path) == candidate.revision.hash_of(path) for path in PREPARED.values()):
        return Rule(NAME, requirement, True, "the prepared data is main's")
    old, new = (Side.of(_texts(side, ("test",)), _texts(side, _LEARNT)) for side in (base, candidate))
    found = rise(old, new, near({**old.tested, **new.tested}, {**old.learnt, **new.learnt}))
    many = counted(len(found.pairs), "more test sentence")
    text = f"{many}, {found.expected:.1f} to be expected; {found.on_main} on main"
    if not found.measurable:
        return Rule(NAME, requirement, True, text)
    first = "; ".join(f"{tested[:80]!r} and {learnt[:80]!r}" for tested, learnt in found.pairs[:3])
    approved = "data" in approvals
    remedy = f"take them out of the training data, or {BY_PERSON.format('data')}"
    return Rule(NAME, requirement, approved, f"{text}; such as {first}", remedy, approved, many)


def _texts(side: Evidence, splits: Iterable[str]) -> pd.Series:
    """The texts of some splits."""
    paths = [side.store.file(side.revision, PREPARED[split]) for split in splits]
    return pd.concat([bounded_table(path, "dvc repro prepare", ["text"])["text"] for path in paths], ignore_index=True)
