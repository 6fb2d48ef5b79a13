"""The approved test set: the rows that a person let in, by their digests in data/test-set.txt.

Rules are asked of these rows. Whoever adds test rows of their own choice moves no rule by them; and a row that changes
is another row, so that many small changes cannot wear the test set down.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.base.paths import TEST, TEST_SET
from verdict.base.printable import plain
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.scores.predictions import slice_masks
from verdict.repo.revisions import Revision, working_tree
from verdict.review.evidence import Evidence, Mask
from verdict.review.truth import read_truth

WRITE = "verdict test-set"
_HEAD = f"""\
# The approved rows of {TEST}, a digest each. The rules of the gate are asked of these rows.
# Written by `{WRITE}`; rows that come or go need the approval `data` (docs/review.md).
"""
# Main's model cannot be asked about groups that it learnt from; beyond this share of them there is no judgement.
MOST_LEFT_OUT = 0.1


@dataclass(frozen=True)
class TestRows:
    """Which rows of a candidate's test split count, as masks over it.

    `counts` are the rows that the rules are asked of: those that main approves, and those that would be approved with
    this change. `mains` are the former alone; `of_main` is a mask over main's test split. `enter` and `leave` are ids
    of rows of the candidate's test split: those that the change approves, and those whose approval it takes away.
    `unknown` is the number of names in the candidate's file that no row of its test split has.
    """

    counts: Mask
    mains: Mask
    of_main: Mask
    enter: frozenset[str]
    leave: frozenset[str]
    unknown: int
    has_file: bool

    @property
    def gone(self) -> int:
        """How many approved rows of main the candidate's test split does not have any more, as they were."""
        return int(self.of_main.sum() - self.mains.sum())


def row_digests(table: pd.DataFrame) -> list[str]:
    """A name for each row that tells all that a score depends on: id, group, slice, label, rating (if any), text."""
    columns = [table[name].tolist() for name in [*select_truth(table.columns), "text"]]
    return [hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16] for row in zip(*columns, strict=True)]


def test_rows(base: Evidence | None, candidate: Evidence) -> TestRows:
    """The rows that count; without a base, or a file of main's, all that there are on that side are approved."""
    own = row_digests(candidate.test)
    same = base is None or base.revision.hash_of(TEST) == candidate.revision.hash_of(TEST)
    theirs = own if base is None or same else row_digests(base.test)
    old = _listed(base.revision) if base else None
    new = _listed(candidate.revision)
    approved = frozenset(theirs) if old is None else old
    proposed = frozenset(own) if new is None else new
    mains, will_be = (np.array([name in names for name in own], dtype=bool) for names in (approved, proposed))
    of_main = np.array([name in approved for name in theirs], dtype=bool)
    # What main's file names in vain is not this change's fault.
    unknown = (new or frozenset()) - frozenset(own) - ((old or frozenset()) - frozenset(theirs))
    enter, leave = (frozenset(candidate.test["id"][mask]) for mask in (will_be & ~mains, mains & ~will_be))
    return TestRows(mains | will_be, mains, of_main, enter, leave, len(unknown), new is not None)


def write_test_set(root: Path, no_new: bool = False) -> str:
    """Write the file from the test split of the working tree; what came and went, in words.

    With `no_new` rows that it does not name yet are left out: a person may approve them later.
    """
    table = read_truth(root / TEST, "verdict repro", "text")
    before = _listed(working_tree(root))
    names = sorted(set(row_digests(table)).intersection(*([before or ()] if no_new else [])))
    write_text(root / TEST_SET, _HEAD + "".join(f"{name}\n" for name in names))
    if before is None:
        return f"{TEST_SET}: {len(names):,} rows; commit it"
    came, went = len(set(names) - before), len(before - set(names))
    text = f"{TEST_SET}: {len(names):,} rows, {came:,} came, {went:,} went"
    return f"{text}; a person must approve that (--approve data, or the label approve: data)" if came or went else text


def _listed(revision: Revision) -> frozenset[str] | None:
    """The names in a revision's file; None where it has none."""
    text = revision.text(TEST_SET)
    if text is None:
        return None
    return frozenset(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))


def left_out_counts(table: pd.DataFrame, known: Mask, main: Revision) -> dict[str, int]:
    """How many rows main had learnt from, overall and by slice; `VerdictError` when they are too many."""
    counts = {name: (int(known[inside].sum()), int(inside.sum())) for name, inside in slice_masks(table)}
    for name, (learnt, rows) in counts.items():
        if learnt > MOST_LEFT_OUT * rows:
            what = f"the model of {main.name} was trained on {learnt} of the {rows} test rows ({plain(name, 80)})"
            remedy = (
                "keep split.salt and the shares; or approve them after this change, when main has not learnt them:"
                f" now git checkout {main.identity} -- {TEST_SET} && {WRITE} --no-new"
            )
            raise VerdictError(TEST, what, remedy)
    return {name: learnt for name, (learnt, _) in counts.items()}
