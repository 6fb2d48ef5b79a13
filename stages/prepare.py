"""prepare: raw sentences become labelled rows in three splits; every row left out is counted by reason.

data/raw -> data/prepared/{train,validation,test}.parquet, data/prepared/dropped.json
"""

import sys
from collections import Counter
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import write_json, write_table
from verdict.classifier import params
from verdict.classifier.dataset import splits, vader

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


def main() -> None:
    """Read all domains, label, drop duplicates, split, write."""
    settings = params.load().prepare
    dropped: Counter[tuple[str, str]] = Counter()
    sentences = [sentence for domain in vader.DOMAINS for sentence in vader.read_domain(RAW, domain, dropped)]
    tables = splits.split(splits.rows(sentences, settings.neutral_band, dropped), settings)
    for name, table in tables.items():
        write_table(PREPARED / f"{name}.parquet", table, splits.SCHEMA)
    # Published mean and single ratings disagree in some tweets; the mean is what the paper scores, so it stays.
    disagreeing = Counter(s.domain for s in sentences if abs(s.valence - s.ratings.mean) > 1e-4)
    counts = {domain: {why: n for (d, why), n in dropped.items() if d == domain} for domain in vader.DOMAINS}
    write_json(
        PREPARED / "dropped.json",
        {"read": Counter(s.domain for s in sentences), "dropped": counts, "mean_differs_from_ratings": disagreeing},
    )
    kept = sum(map(len, tables.values()))
    print(
        f"prepare: {kept} rows kept, {dropped.total()} dropped; "
        + ", ".join(f"{n} {len(t)}" for n, t in tables.items())
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
