"""Published scores to show beside ours: data/published.csv."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from verdict.base.errors import VerdictError

_COLUMNS = ["name", "slice", "metric", "value"]


class Published(NamedTuple):
    """A published score: the name of its model, the slice, the metric, the value."""

    name: str
    slice: str
    metric: str
    value: float


def read_published(path: Path) -> list[Published]:
    """Read the file; a head line alone gives an empty list.

    Raises:
        VerdictError: it is missing, has other columns, or a value that is no number.
    """
    remedy = f"a head line {','.join(_COLUMNS)}, and a line a score; git checkout {path} brings the committed one back"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise VerdictError(str(path), f"not readable as CSV: {error}", remedy) from None
    if not rows or rows[0] != _COLUMNS:
        raise VerdictError(str(path), f"has the columns {', '.join(rows[0]) if rows else 'of no line'}", remedy)
    return [_published(row, f"{path}, row {number}", remedy) for number, row in enumerate(rows[1:], 1) if row]


def _published(row: list[str], where: str, remedy: str) -> Published:
    try:
        name, slice_, metric, value = row
        score = Published(name, slice_, metric, float(value))
    except ValueError:
        raise VerdictError(where, f"not {', '.join(_COLUMNS)}, the last a number: {row!r:.100}", remedy) from None
    if not math.isfinite(score.value):
        raise VerdictError(where, f"value is {value}, not a finite number", remedy)
    return score
