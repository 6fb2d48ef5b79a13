"""What a change does to the data: rows added, removed, relabelled, rewritten, moved; and how different the text is."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from classifier.corpus import SPLITS
from review.revisions import Revision, Store
from review.tables import bounded_table

PREPARED = {name: f"data/prepared/{name}.parquet" for name in SPLITS}
KINDS = ("added", "removed", "relabelled", "rewritten", "moved")
_COLUMNS = ["id", "domain", "label", "text"]


@dataclass(frozen=True)
class Text:
    """How different a domain's text is: words (mean, main and candidate), words that main never saw, and a distance.

    `distance` is Jensen and Shannon's between the frequencies of the words, 0 (the same) to 1 (nothing in common);
    `unseen` the share of the added rows' words that stand nowhere in main's rows, None without added rows.
    """

    domain: str
    base_words: float
    candidate_words: float
    distance: float
    unseen: float | None


@dataclass(frozen=True)
class DataChange:
    """`counts` has a row for each domain and class, and columns `main`, `candidate` (all rows) and `KINDS`."""

    counts: pd.DataFrame
    texts: tuple[Text, ...]


def data_change(store: Store, base: Revision, candidate: Revision) -> DataChange | None:
    """Compare the prepared rows of all splits; None where dvc.lock names the same ones."""
    if all(base.hash_of(path) == candidate.hash_of(path) for path in PREPARED.values()):
        return None
    return between(*(_rows(store, revision) for revision in (base, candidate)))


def between(old: pd.DataFrame, new: pd.DataFrame) -> DataChange:
    """Compare two tables of rows: id, domain, label, text, split."""
    both = old.merge(new, on="id", how="outer", suffixes=("_old", "_new"), indicator="side")
    kept = both["side"] == "both"
    flags = {
        "added": both["side"] == "right_only",
        "removed": both["side"] == "left_only",
        "relabelled": kept & (both["label_old"] != both["label_new"]),
        "rewritten": kept & (both["text_old"] != both["text_new"]),
        "moved": kept & (both["split_old"] != both["split_new"]),
    }
    keys = [both[f"{name}_new"].fillna(both[f"{name}_old"]).rename(name) for name in ("domain", "label")]
    counts = pd.DataFrame(flags).groupby(keys, sort=True).sum()
    totals = {name: table.groupby(["domain", "label"]).size() for name, table in (("main", old), ("candidate", new))}
    counts = counts.join(pd.DataFrame(totals), how="outer").fillna(0).astype(int)
    domains = dict.fromkeys([*old["domain"], *new["domain"]])
    return DataChange(counts, tuple(_text(old, new, domain) for domain in domains))


def _rows(store: Store, revision: Revision) -> pd.DataFrame:
    tables = [
        bounded_table(store.file(revision, path), "dvc repro prepare", _COLUMNS).assign(split=split)
        for split, path in PREPARED.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _text(old: pd.DataFrame, new: pd.DataFrame, domain: str) -> Text:
    before, after = (table.loc[table["domain"] == domain] for table in (old, new))
    words = [_words(table) for table in (before, after)]
    added = _words(after[~after["id"].isin(before["id"])])
    unseen = sum(count for word, count in added.items() if word not in words[0]) / max(added.total(), 1)
    means = [count.total() / max(len(table), 1) for count, table in zip(words, (before, after), strict=True)]
    return Text(domain, means[0], means[1], _distance(*words), unseen if added else None)


def _words(table: pd.DataFrame) -> Counter[str]:
    return Counter(word for text in table["text"] for word in re.findall(r"\w+", text.casefold()))


def _distance(left: Counter[str], right: Counter[str]) -> float:
    from scipy.spatial.distance import jensenshannon

    words = sorted({*left, *right})
    if not left or not right:
        return 1.0
    values = [np.array([count[word] for word in words], dtype=float) for count in (left, right)]
    return float(jensenshannon(*values, base=2))
