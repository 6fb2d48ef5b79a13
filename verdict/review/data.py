"""Compare the data of base and candidate: row by row of all splits, and by the words of the text."""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import SPLITS
from verdict.classifier.params.metric_names import OVERALL
from verdict.repo.revisions import Revision, Store
from verdict.review.tokens import tokens
from verdict.review.truth import read_truth

PREPARED = {name: f"data/prepared/{name}.parquet" for name in SPLITS}
# The changes of a row, by its id; `regrouped` is another group, slice or rating, `moved` another split.
KINDS = ("added", "removed", "relabelled", "rewritten", "regrouped", "moved")
CHANGED = ("removed", "relabelled", "rewritten", "regrouped")
_REGROUPED = ("group", "slice", "rating")
_EXAMPLES = 5


@dataclass(frozen=True)
class TextChange:
    """The change of a slice's text (without slices: of all rows).

    `base_words` and `candidate_words` are mean numbers of words; `distance` is Jensen and Shannon's between the
    frequencies of the words, 0 (the same) to 1 (nothing in common); `unseen` the share of the added rows' words that
    the base's rows lack, None without added rows.
    """

    slice: str
    base_words: float
    candidate_words: float
    distance: float
    unseen: float | None


@dataclass(frozen=True)
class SplitChange:
    """One kind of change in one split: the number of rows, and the first ids; `split` is `from → to` for `moved`."""

    split: str
    kind: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class DataChange:
    """All changes of the data.

    `counts` has a row for each slice and class, and columns `main`, `candidate` (all rows) and `KINDS`. Without slices
    all rows are of one, called overall.
    """

    counts: pd.DataFrame
    changes_by_split: tuple[SplitChange, ...]
    texts: tuple[TextChange, ...]


def row_changes(store: Store, base: Revision, candidate: Revision) -> pd.DataFrame | None:
    """Compare the prepared rows of all splits by `compare_rows`; None where dvc.lock names the same files."""
    if same_data(base, candidate):
        return None
    return compare_rows(*(_rows(store, revision) for revision in (base, candidate)))


def data_change(store: Store, base: Revision, candidate: Revision) -> DataChange | None:
    """Sum up how the prepared rows differ; None where dvc.lock names the same files."""
    if same_data(base, candidate):
        return None
    return summarize_changes(*(_rows(store, revision) for revision in (base, candidate)))


def same_data(base: Revision, candidate: Revision) -> bool:
    """True if dvc.lock names the same prepared files on both sides."""
    return all(base.hash_of(path) == candidate.hash_of(path) for path in PREPARED.values())


def compare_rows(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Match the rows of two tables by id: both sides' columns (`_old`, `_new`), and a flag for each of `KINDS`."""
    columns = list(dict.fromkeys([*old, *new]))  # a column that one side lacks differs in all rows
    sides = (table.reindex(columns=columns) for table in (old, new))
    matched = next(sides).merge(next(sides), on="id", how="outer", suffixes=("_old", "_new"), indicator="side")
    kept = matched["side"] == "both"

    def differs(*names: str) -> "pd.Series[bool]":
        flags = {name: matched[f"{name}_old"] != matched[f"{name}_new"] for name in names if name in columns}
        return kept & pd.DataFrame(flags).any(axis=1)

    flags = {
        "added": matched["side"] == "right_only",
        "removed": matched["side"] == "left_only",
        "relabelled": differs("label"),
        "rewritten": differs("text"),
        "regrouped": differs(*_REGROUPED),
        "moved": differs("split"),
    }
    return matched.assign(**flags)


def summarize_changes(old: pd.DataFrame, new: pd.DataFrame) -> DataChange:
    """Sum up the differences of two tables with truth columns, text and split."""
    matched = compare_rows(old, new)
    old, new = (table if "slice" in table else table.assign(slice=OVERALL) for table in (old, new))
    by = ["slice", "label"]
    sides = matched if "slice_new" in matched else matched.assign(slice_old=OVERALL, slice_new=OVERALL)
    keys = [_newest(sides, name) for name in by]
    counts = matched[list(KINDS)].groupby(keys, sort=True).sum()
    totals = {name: table.groupby(by).size() for name, table in (("main", old), ("candidate", new))}
    counts = counts.join(pd.DataFrame(totals), how="outer").fillna(0).astype(int)
    slices = dict.fromkeys([*old["slice"], *new["slice"]])
    return DataChange(counts, tuple(changes_by_split(matched)), tuple(_text(old, new, name) for name in slices))


def _newest(matched: pd.DataFrame, name: str) -> pd.Series:
    """A column of the candidate's rows; for removed rows, of the base's."""
    new = matched[f"{name}_new"].astype(object)
    return new.where(new.notna(), matched[f"{name}_old"]).rename(name)


def changes_by_split(matched: pd.DataFrame) -> Iterator[SplitChange]:
    """The changes of each kind and split, the test split first."""
    before, after = matched["split_old"], matched["split_new"]
    places = {"removed": before, "moved": before.str.cat(after, sep=" → ")}
    for kind in KINDS:
        changed = matched[matched[kind]]
        for split, ids in sorted(changed["id"].groupby(places.get(kind, after)[changed.index]), key=_test_first):
            yield SplitChange(str(split), kind, len(ids), tuple(map(str, sorted(ids)[:_EXAMPLES])))


def _test_first(group: tuple[Hashable, "pd.Series[str]"]) -> tuple[bool, str]:
    return "test" not in str(group[0]), str(group[0])


def _rows(store: Store, revision: Revision) -> pd.DataFrame:
    tables = [
        read_truth(store.file(revision, path), "dvc repro prepare", "text").assign(split=split)
        for split, path in PREPARED.items()
    ]
    rows = pd.concat(tables, ignore_index=True)
    if (repeated := rows["id"].duplicated()).any():
        where = f"data/prepared of {revision.name}"
        raise VerdictError(where, f"id {rows['id'][repeated].iloc[0]!r:.80} stands twice", "dvc repro prepare")
    return rows


def _text(old: pd.DataFrame, new: pd.DataFrame, name: str) -> TextChange:
    before, after = (table.loc[table["slice"] == name] for table in (old, new))
    words = [_words(table) for table in (before, after)]
    added = _words(after[~after["id"].isin(before["id"])])
    unseen = sum(count for word, count in added.items() if word not in words[0]) / max(added.total(), 1)
    means = [count.total() / max(len(table), 1) for count, table in zip(words, (before, after), strict=True)]
    return TextChange(name, means[0], means[1], _distance(*words), unseen if added else None)


def _words(table: pd.DataFrame) -> Counter[str]:
    return Counter(word for text in table["text"] for word in tokens(text.casefold()))


def _distance(left: Counter[str], right: Counter[str]) -> float:
    from scipy.spatial.distance import jensenshannon

    words = sorted({*left, *right})
    if not left or not right:
        return 1.0
    values = [np.array([count[word] for word in words], dtype=float) for count in (left, right)]
    return float(jensenshannon(*values, base=2))
