"""Looks at a table whose columns nobody has described yet: what each holds, and which could be text and label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.dataset.table import read_batches, read_header

_BATCHES = 5  # that a guess is made from
_MOST_CLASSES = 100  # more values than that are no label, unless somebody says so


@dataclass(frozen=True)
class Column:
    """What a column holds, by its first rows: mean length, different values, how many are numbers, an example."""

    name: str
    length: float
    values: int
    numbers: float
    example: str

    @property
    def summary(self) -> str:
        """In a line, for people."""
        return f"{self.name}: {self.values:,} different values, such as {quoted(self.example[:50])}"


def columns_of(path: Path) -> list[Column]:
    """Look at the first rows of each column; `VerdictError` when the table cannot be read."""
    problems = Problems(str(path), "correct the table")
    names = read_header(path, problems)
    problems.raise_if_any()
    cells: dict[str, list[str]] = {name: [] for name in names}
    for batch in islice(read_batches(path, [("data", name) for name in names], problems), _BATCHES):
        for name in names:
            cells[name] += batch.columns[name]
    problems.raise_if_any()
    return [_column(name, found) for name, found in cells.items()]


def _column(name: str, cells: list[str]) -> Column:
    filled = [cell for cell in cells if cell.strip()] or [""]
    numbers = sum(map(_is_number, filled)) / len(filled)
    return Column(name, sum(map(len, filled)) / len(filled), len(set(filled)), numbers, filled[0])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def likely_text(columns: Sequence[Column]) -> str:
    """The column with the longest texts."""
    return max(columns, key=lambda column: (column.numbers < 1, column.length)).name


def likely_label(columns: Sequence[Column], text: Iterable[str]) -> str | None:
    """A column of few values, by name or because it is the last such."""
    few = [one for one in columns if 2 <= one.values <= _MOST_CLASSES and one.name not in set(text)]
    named = [one for one in few if one.name.casefold() in ("label", "class", "category", "target", "tag", "y")]
    worded = [one for one in few if one.numbers < 1]
    return (named or worded[::-1] or few[::-1])[0].name if few else None
