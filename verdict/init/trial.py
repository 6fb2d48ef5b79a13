"""Run the stage `prepare` on a table in a temporary folder, to see its result before anything is changed."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from pydantic import ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import read_arrow, read_json
from verdict.classifier.dataset.description import Dataset, read_dataset
from verdict.classifier.dataset.preparation import prepare
from verdict.classifier.params.data import Data, Split
from verdict.classifier.params.section import explain

# Characters per space; a language that is written without spaces has more.
_LONG_WORD = 12
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Trial:
    """The result of a trial: the data set, rows by split, by column the counts of each split, dropped rows by reason.

    `slices` has the test rows of each slice; `spaceless`: the language seems to be written without spaces.
    """

    dataset: Dataset
    rows: dict[str, int]
    counts: dict[str, list[Counter[str]]]
    dropped: Counter[str]
    spaceless: bool

    @property
    def slices(self) -> Counter[str]:
        """The test rows of each slice."""
        return self.counts["slice"][-1]

    @property
    def absent(self) -> dict[tuple[str, str], list[str]]:
        """The labels and slices without a row in a split, by split and column."""
        names_by_column = {"label": self.dataset.labels, "slice": self.dataset.slices}
        missing = {
            (split, column): [name for name in names if not counts[name]]
            for column, names in names_by_column.items()
            for split, counts in zip(_SPLITS, self.counts[column], strict=True)
        }
        return {place: names for place, names in missing.items() if names}

    def rarest(self, column: str) -> int:
        """Return the fewest rows of a label (or a slice) in a split."""
        names = self.dataset.labels if column == "label" else self.dataset.slices
        return min(counts[name] for counts in self.counts[column] for name in names)


def try_prepare(data: Mapping[str, Any], split: Mapping[str, Any]) -> Trial:
    """Prepare the table in a temporary folder.

    Raises:
        VerdictError: the stage would fail; or the options contradict each other.
    """
    try:
        settings = Data.model_validate(dict(data)), Split.model_validate(dict(split))
    except ValidationError as error:
        raise VerdictError("verdict init", explain(error), "other options") from None
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        folder = Path(name)
        prepare(*settings, folder, details=None)
        tables = {part: read_arrow(folder / f"{part}.parquet", "verdict init") for part in _SPLITS}
        dropped = read_json(folder / "dropped.json", "verdict init")["dropped"]
        dataset = read_dataset(folder / "dataset.json")
    drop_counts = Counter[str]()
    for reason, count in dropped.items():
        drop_counts.update(count if isinstance(count, dict) else {reason: count})
    counts = {
        column: [
            Counter({row["values"]: row["counts"] for row in table[column].value_counts().to_pylist()})
            if column in table.column_names
            else Counter[str]()
            for table in tables.values()
        ]
        for column in ("label", "slice")
    }
    rows = {part: len(table) for part, table in tables.items()}
    return Trial(dataset, rows, counts, drop_counts, _spaceless(tables["train"]))


def _spaceless(table: Any) -> bool:  # noqa: ANN401 - pyarrow
    texts = table["text"].slice(0, 10_000)
    letters = pc.sum(pc.utf8_length(texts)).as_py() or 0
    blanks = pc.sum(pc.count_substring(texts, " ")).as_py() or 0
    return bool(letters > _LONG_WORD * (blanks + len(texts)))
