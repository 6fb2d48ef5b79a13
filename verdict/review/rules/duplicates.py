"""Test rows whose text nearly stands in what is trained on: a word added, swapped or misspelt, two glued into one.

Texts are compared by their sets of words. Some near-duplicates stand in any data, and honest new data brings more at
main's own rate; what counts is a rise that chance does not explain.
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

from verdict.review.data import PREPARED
from verdict.review.evidence import Evidence
from verdict.review.rules.model import BY_PERSON, Rule
from verdict.review.rules.similarity import Ints, Words, similar_pairs
from verdict.review.tables import bounded_table
from verdict.review.tokens import tokens
from verdict.review.words import counted

NAME = "near-duplicates"
# A rise is one that chance brings less often than this.
CHANCE = 1e-4
_LEARNT = ("train", "validation")  # with `train.refit` the artifact learns from both
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Side:
    """Main's texts or a change's, tested and trained on: their words, each with a text of these words."""

    test_texts: dict[Words, str]
    training_texts: dict[Words, str]

    @classmethod
    def of(cls, test_texts: Iterable[str], training_texts: Iterable[str]) -> Self:
        """From texts. Those of the same words count once: data has sets of them, such as "Yay." and "YAY!"."""
        return cls(*({_words(text): text for text in texts} for texts in (test_texts, training_texts)))

    @property
    def size(self) -> int:
        """The number of pairs."""
        return len(self.test_texts) * len(self.training_texts)

    def has(self, pair: tuple[Words, Words]) -> bool:
        """Whether it tests the one and trains on the other."""
        return pair[0] in self.test_texts and pair[1] in self.training_texts


@dataclass(frozen=True)
class Rise:
    """Near-duplicates that a change brings.

    `pairs` has a text that is tested and one that is trained on, each of these once; `share` is the number of pairs
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


def rise(base: Side, candidate: Side, pairs: Iterable[tuple[Words, Words]]) -> Rise:
    """What a change brings, of all pairs of a tested text and one that is trained on that are nearly the same."""
    known: set[Words] = set()
    came: dict[Words, Words] = {}
    for pair in pairs:
        if base.has(pair):
            known.add(pair[0])
        elif candidate.has(pair):
            came.setdefault(*pair)
    # One short text may be like many: it is one that came, not many that chance would have to explain.
    rows = {other: own for own, other in came.items() if own not in known}
    new = tuple((candidate.test_texts[own], candidate.training_texts[other]) for other, own in rows.items())
    kept = len(base.test_texts.keys() & candidate.test_texts.keys()) * len(
        base.training_texts.keys() & candidate.training_texts.keys()
    )
    return Rise(new, len(known), (candidate.size - kept) / max(base.size, 1))


def _words(text: str) -> Words:
    """Its words without case, accents and characters that nobody sees; an underscore ends one. Else the whole text."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in parts if unicodedata.category(letter) not in ("Cf", "Mn"))
    folded = text.casefold()
    return array("q", sorted({hash(word) for word in tokens(folded, _WORD) or [folded.strip()]})).tobytes()


def near_duplicates(
    test_texts: Iterable[Words], training_texts: Iterable[Words], sides: Sequence[Side] | None = None
) -> list[tuple[Words, Words]]:
    """All pairs of a tested text and one that is trained on that are nearly the same, the most alike first.

    Args:
        test_texts: the words of each text that is tested.
        training_texts: those of each that is trained on.
        sides: where they are given, of each tested text only the first pair that the first of them has, the first that
            only another has, and the first that none has: texts made by one template would be millions of pairs.
    """
    rows, others = list(test_texts), list(training_texts)
    if not rows or not others:
        return []
    found = [np.empty((3, 0))]
    for score, own, other in similar_pairs(rows, others):
        kept = slice(None) if sides is None else _first(own, _owners(own, other, (rows, others), sides))
        found.append(np.stack([-score, own, other])[:, kept])
    order, own, other = np.hstack(found)
    places = np.lexsort((other, own, order))
    return [
        (rows[one], others[two]) for one, two in zip(*(part[places].astype(int) for part in (own, other)), strict=True)
    ]


def _owners(own: Ints, other: Ints, words: tuple[list[Words], list[Words]], sides: Sequence[Side]) -> Ints:
    """The number of the first side that has a pair; one more where none has it."""
    found = np.full(len(own), len(sides))
    for number, side in reversed(list(enumerate(sides))):
        pairs = zip(own, other, strict=True)
        has = np.fromiter((side.has((words[0][one], words[1][two])) for one, two in pairs), bool, len(own))
        found[has] = number
    return found


def _first(own: Ints, owners: Ints) -> Ints:
    """The places of the first pair of each row and owner."""
    return np.sort(np.unique(own * (owners.max(initial=0) + 1) + owners, return_index=True)[1])


def rule(base: Evidence, candidate: Evidence, approvals: Iterable[str]) -> Rule:
    """No measurable rise of near-duplicates; free where the prepared data is main's."""
    requirement = "test rows nearly stand in the training data no more often than new data brings by chance"
    if all(base.revision.hash_of(path) == candidate.revision.hash_of(path) for path in PREPARED.values()):
        return Rule(NAME, requirement, True, "the prepared data is main's")
    old, new = (Side.of(_texts(side, ("test",)), _texts(side, _LEARNT)) for side in (base, candidate))
    found = rise(
        old,
        new,
        near_duplicates({**old.test_texts, **new.test_texts}, {**old.training_texts, **new.training_texts}, (old, new)),
    )
    many = counted(len(found.pairs), "more test row")
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
