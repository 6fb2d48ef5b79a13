"""The approved test set: the rows that a person let in, by their digests in data/test-set.txt.

The rules apply to these rows alone: test rows that a change adds move no rule. A row that changes counts as another
row, so that many small changes cannot wear the test set down.
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
# Rows of groups that main's model learnt from are left out; beyond this share of them there is no judgement.
MOST_LEFT_OUT = 0.1


@dataclass(frozen=True)
class TestRows:
    """The rows of a candidate's test split that the rules apply to, as masks over it.

    `judged` are those that main approves and those that would be approved with this change; `approved_on_base` are the
    former alone. `base_rows` is a mask over main's test split: its approved rows. `newly_approved` and
    `no_longer_approved` are ids of rows of the candidate's test split. `unmatched` is the number of digests in the
    candidate's file that no row of its test split has.
    """

    judged: Mask
    approved_on_base: Mask
    base_rows: Mask
    newly_approved: frozenset[str]
    no_longer_approved: frozenset[str]
    unmatched: int
    has_file: bool

    @property
    def gone(self) -> int:
        """The number of main's approved rows that the candidate's test split lacks, or has in another form."""
        return int(self.base_rows.sum() - self.approved_on_base.sum())


def row_digests(table: pd.DataFrame) -> list[str]:
    """A digest of each row over all that a score depends on: id, group, slice, label, rating (if any), text."""
    columns = [table[name].tolist() for name in [*select_truth(table.columns), "text"]]
    return [hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16] for row in zip(*columns, strict=True)]


def test_rows(base: Evidence | None, candidate: Evidence) -> TestRows:
    """Find the judged rows; without a base, or a file of main's, all rows of that side count as approved."""
    digests = row_digests(candidate.test)
    same = base is None or base.revision.hash_of(TEST) == candidate.revision.hash_of(TEST)
    base_digests = digests if base is None or same else row_digests(base.test)
    old = _listed(base.revision) if base else None
    new = _listed(candidate.revision)
    approved = frozenset(base_digests) if old is None else old
    proposed = frozenset(digests) if new is None else new
    before, after = (np.array([name in names for name in digests], dtype=bool) for names in (approved, proposed))
    base_rows = np.array([name in approved for name in base_digests], dtype=bool)
    # A digest that main's file names without a row is not this change's fault.
    unmatched = (new or frozenset()) - frozenset(digests) - ((old or frozenset()) - frozenset(base_digests))
    entering, leaving = (frozenset(candidate.test["id"][mask]) for mask in (after & ~before, before & ~after))
    return TestRows(before | after, before, base_rows, entering, leaving, len(unmatched), new is not None)


def write_test_set(root: Path, no_new: bool = False) -> str:
    """Write the file from the test split of the working tree; return in words which rows came and went.

    With `no_new` rows that it does not name yet are left out: a person may approve them later.
    """
    table = read_truth(root / TEST, "verdict repro", "text")
    before, digests = _listed(working_tree(root)), set(row_digests(table))
    if no_new:
        digests &= before or frozenset()
    write_text(root / TEST_SET, _HEAD + "".join(f"{name}\n" for name in sorted(digests)))
    if before is None:
        return f"{TEST_SET}: {len(digests):,} rows; commit it"
    came, went = len(digests - before), len(before - digests)
    text = f"{TEST_SET}: {len(digests):,} rows, {came:,} came, {went:,} went"
    return f"{text}; a person must approve that (--approve data, or the label approve: data)" if came or went else text


def _listed(revision: Revision) -> frozenset[str] | None:
    """The digests in a revision's file; None where it has no file."""
    text = revision.text(TEST_SET)
    if text is None:
        return None
    return frozenset(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))


def left_out_counts(table: pd.DataFrame, learnt: Mask, base: Revision) -> dict[str, int]:
    """Count the rows that the base learnt from, overall and by slice; `VerdictError` when they are too many."""
    counts = {name: (int(learnt[inside].sum()), int(inside.sum())) for name, inside in slice_masks(table)}
    for name, (left_out, rows) in counts.items():
        if left_out > MOST_LEFT_OUT * rows:
            what = f"the model of {base.name} was trained on {left_out} of the {rows} test rows ({plain(name, 80)})"
            remedy = (
                "keep split.salt and the shares; or approve them after this change, when main has not learnt them:"
                f" now git checkout {base.identity} -- {TEST_SET} && {WRITE} --no-new"
            )
            raise VerdictError(TEST, what, remedy)
    return {name: left_out for name, (left_out, _) in counts.items()}
