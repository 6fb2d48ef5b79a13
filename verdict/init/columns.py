"""Describe the columns of an unknown table, and guess which are text and label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.dataset.table import read_batches, read_header

_BATCHES = 5  # read for a guess
_MOST_CLASSES = 100  # a column with more values is not guessed to be the label


@dataclass(frozen=True)
class Column:
    """A column by its first rows: mean length, number of different values, share of numbers, an example."""

    name: str
    length: float
    values: int
    numbers: float
    example: str

    @property
    def summary(self) -> str:
        """The column in one line, for people."""
        return f"{self.name}: {self.values:,} different values, such as {quoted(self.example[:50])}"


def columns_of(path: Path) -> list[Column]:
    """Describe each column by its first rows; `VerdictError` if the table cannot be read."""
    problems = Problems(str(path), "correct the table")
    names = read_header(path, problems)
    problems.raise_if_any()
    cells: dict[str, list[str]] = {name: [] for name in names}
    for batch in islice(read_batches(path, [("data", name) for name in names], problems), _BATCHES):
        for name in names:
            cells[name] += batch.columns[name]
    problems.raise_if_any()
    return [_column(name, values) for name, values in cells.items()]


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
    """Return the column with the longest texts."""
    return max(columns, key=lambda column: (column.numbers < 1, column.length)).name


def likely_label(columns: Sequence[Column], text: Iterable[str]) -> str | None:
    """Return a column of few values: one with a usual name, else the last one."""
    few = [column for column in columns if 2 <= column.values <= _MOST_CLASSES and column.name not in set(text)]
    named = [column for column in few if column.name.casefold() in ("label", "class", "category", "target", "tag", "y")]
    textual = [column for column in few if column.numbers < 1]
    return (named or textual[::-1] or few[::-1])[0].name if few else None
