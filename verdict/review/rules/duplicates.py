"""The rule `near-duplicates`: test texts that the training data nearly contains (a word added, swapped, misspelt).

Texts are compared by their sets of words. Any data has some near-duplicates, and honest new data brings more at main's
rate; the rule fails on a rise that chance does not explain.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import betainc

from verdict.review.data import PREPARED, same_data
from verdict.review.evidence import Evidence
from verdict.review.rules.rule import BY_PERSON, Rule
from verdict.review.similarity import Ints, Words, similar_pairs
from verdict.review.tables import bounded_table
from verdict.review.tokens import tokens
from verdict.review.words import counted

NAME = "near-duplicates"
# A rise is measurable where chance brings it less often than this.
CHANCE = 1e-4
_LEARNT = ("train", "validation")  # with `train.refit` the artifact learns from both
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Side:
    """The test and training texts of base or candidate: each set of words with a text of these words."""

    test: dict[Words, str]
    training: dict[Words, str]

    @classmethod
    def of(cls, test: Iterable[str], training: Iterable[str]) -> Self:
        """Index texts by their words. Texts of the same words count once, such as "Yay." and "YAY!"."""
        return cls(*({_words(text): text for text in texts} for texts in (test, training)))

    @property
    def size(self) -> int:
        """The number of pairs of a test and a training text."""
        return len(self.test) * len(self.training)

    def has(self, pair: tuple[Words, Words]) -> bool:
        """True if this side tests the first text and trains on the second."""
        return pair[0] in self.test and pair[1] in self.training


@dataclass(frozen=True)
class Rise:
    """Near-duplicates that a change brings.

    `pairs` has a test and a training text each, no training text twice; `share` is the number of all pairs that only
    the candidate has ÷ the number of the base's.
    """

    pairs: tuple[tuple[str, str], ...]
    on_base: int
    share: float

    @property
    def expected(self) -> float:
        """The number to expect at the base's rate; one is added to the base's count, which may be 0 by chance."""
        return (self.on_base + 1) * self.share

    @property
    def by_chance(self) -> float:
        """The probability that chance brings as many: both counts are Poisson's, with one rate."""
        share = self.share / (1 + self.share)
        return float(betainc(len(self.pairs), self.on_base + 1, share)) if self.pairs else 1.0

    @property
    def measurable(self) -> bool:
        """True if chance does not explain the rise."""
        return self.by_chance < CHANCE


def rise(base: Side, candidate: Side, pairs: Iterable[tuple[Words, Words]]) -> Rise:
    """The near-duplicates that a change brings, from all near-duplicate pairs of a test and a training text."""
    old: set[Words] = set()
    came: dict[Words, Words] = {}
    for pair in pairs:
        if base.has(pair):
            old.add(pair[0])
        elif candidate.has(pair):
            came.setdefault(*pair)
    # A short training text may resemble many test texts: it counts once.
    tests = {training: test for test, training in came.items() if test not in old}
    new = tuple((candidate.test[test], candidate.training[training]) for training, test in tests.items())
    kept = len(base.test.keys() & candidate.test.keys()) * len(base.training.keys() & candidate.training.keys())
    return Rise(new, len(old), (candidate.size - kept) / max(base.size, 1))


def _words(text: str) -> Words:
    """Its words without case, accents and invisible characters; an underscore ends a word. Else the whole text."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in parts if unicodedata.category(letter) not in ("Cf", "Mn"))
    folded = text.casefold()
    return array("q", sorted({hash(word) for word in tokens(folded, _WORD) or [folded.strip()]})).tobytes()


def near_duplicates(
    test: Iterable[Words], training: Iterable[Words], sides: Sequence[Side] | None = None
) -> list[tuple[Words, Words]]:
    """All pairs of nearly equal test and training texts, the most similar first.

    Args:
        test: the words of each.
        training: the words of each.
        sides: where they are given, each test text has only its first pair of the first side, its first that only
            another side has, and its first of none: texts made by one template would be millions of pairs.
    """
    rows, others = list(test), list(training)
    if not rows or not others:
        return []
    hits = [np.empty((3, 0))]
    for score, row, other in similar_pairs(rows, others):
        pairs = ((rows[test], others[training]) for test, training in zip(row, other, strict=True))
        kept = slice(None) if sides is None else _first(row, _owners(pairs, sides))
        hits.append(np.stack([-score, row, other])[:, kept])
    order, row, other = np.hstack(hits)
    places = np.lexsort((other, row, order))
    return [(rows[int(row[place])], others[int(other[place])]) for place in places]


def _owners(pairs: Iterable[tuple[Words, Words]], sides: Sequence[Side]) -> Ints:
    """The number of the first side that has each pair; one more where none has it."""
    owners = (next((number for number, side in enumerate(sides) if side.has(pair)), len(sides)) for pair in pairs)
    return np.fromiter(owners, np.int64)


def _first(row: Ints, owners: Ints) -> Ints:
    """The places of the first pair of each row and owner."""
    return np.sort(np.unique(row * (owners.max(initial=0) + 1) + owners, return_index=True)[1])


def rule(base: Evidence, candidate: Evidence, approvals: Iterable[str]) -> Rule:
    """No measurable rise of near-duplicates; passes where the prepared data is main's."""
    requirement = "test rows nearly stand in the training data no more often than new data brings by chance"
    if same_data(base.revision, candidate.revision):
        return Rule(NAME, requirement, True, "the prepared data is main's")
    old, new = (Side.of(_texts(side, ("test",)), _texts(side, _LEARNT)) for side in (base, candidate))
    pairs = near_duplicates({**old.test, **new.test}, {**old.training, **new.training}, (old, new))
    change = rise(old, new, pairs)
    many = counted(len(change.pairs), "more test row")
    finding = f"{many}, {change.expected:.1f} to be expected; {change.on_base} on main"
    if not change.measurable:
        return Rule(NAME, requirement, True, finding)
    first = "; ".join(f"{test[:80]!r} and {training[:80]!r}" for test, training in change.pairs[:3])
    approved = "data" in approvals
    remedy = f"take them out of the training data, or {BY_PERSON.format('data')}"
    return Rule(NAME, requirement, approved, f"{finding}; such as {first}", remedy, approved, many)


def _texts(side: Evidence, splits: Iterable[str]) -> pd.Series:
    """The texts of some splits."""
    paths = [side.store.file(side.revision, PREPARED[split]) for split in splits]
    return pd.concat([bounded_table(path, "dvc repro prepare", ["text"])["text"] for path in paths], ignore_index=True)
