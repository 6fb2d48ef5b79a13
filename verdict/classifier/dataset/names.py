"""The labels and the slices of a table: their order, and checks of their number and names."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from verdict.classifier.dataset.problems import Problems, quoted
from verdict.classifier.params.data import Data

# With more labels or slices the column is likely the wrong one; beyond _STOP, reading ends.
_LABELS, _SLICES, _STOP = 1000, 200, 20_000
_LONGEST = 100
_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ValueCodes:
    """Numbers the values of a column as they appear, and counts their rows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}

    def codes(self, values: Sequence[str]) -> list[int]:
        """The number of each value."""
        self.counts.update(values)
        return [self._numbers.setdefault(value, len(self._numbers)) for value in values]

    def add(self, other: "ValueCodes") -> NDArray[np.int32]:
        """Add the values of another column; return the number here of each of its numbers."""
        self.counts.update(other.counts)
        return np.array([self._numbers.setdefault(value, len(self._numbers)) for value in other.values()], np.int32)

    def values(self) -> list[str]:
        """The values by number."""
        return list(self._numbers)


class LabelsAndSlices:
    """The labels and slices that the rows have."""

    def __init__(self, data: Data, problems: Problems) -> None:
        self._data, self._problems = data, problems
        self.labels, self.slices = ValueCodes(), ValueCodes()

    def too_many(self) -> bool:
        """True if there are so many labels or slices that reading on is useless."""
        return max(len(self.labels.counts), len(self.slices.counts)) > _STOP

    def require_few(self) -> None:
        """Raise if the table has too many labels or slices."""
        if self.too_many():
            self.check()
            self._problems.raise_if_any()

    def check(self) -> None:
        """Note what is wrong with the labels and the slices as a whole."""
        if self.labels.counts:
            self._check_labels(self.labels.counts, "data.label" if self._data.label else "data.rating")
        if (number := len(self.slices.counts)) > _SLICES:
            what = f"{number:,} values, and each is a line of every table: take a coarser column"
            self._problems.add("data.slice", f"{quoted(' / '.join(self._data.slice or ()))} has {what}")
        else:
            self._require_names("data.slice", self.slices.counts)

    def _check_labels(self, counts: Counter[str], key: str) -> None:
        once, positive = sum(count == 1 for count in counts.values()), self._data.positive
        if self._data.label and (len(counts) > _LABELS or (len(counts) > 20 and once > len(counts) / 2)):
            what = f"{len(counts):,} values, {once:,} of them once: a number or an id? (this is a classifier)"
            self._problems.add(key, f"{quoted(self._data.label)} has {what}")
        elif len(counts) == 1:
            self._problems.add(key, f"all rows have the label {quoted(next(iter(counts)))}: nothing to tell apart")
        elif positive is not None and (len(counts) != 2 or positive not in counts):
            found = ", ".join(map(quoted, sorted(counts)[:10]))
            what = f"{quoted(positive)} must be one of two labels; the rows have {found}"
            self._problems.add("data.positive", what)
        elif absent := [quoted(label) for label in self._data.labels or () if label not in counts]:
            self._problems.add("data.labels", f"no row is {', '.join(absent)}")
        else:
            self._require_names(key, counts)

    def _require_names(self, key: str, values: Iterable[str]) -> None:
        """Refuse what cannot be a name in tables and plots."""
        if strange := [value for value in values if len(value) > _LONGEST or _BREAK.search(value)]:
            what = f"is a text, not a name: of more than {_LONGEST} characters, or of more than one line"
            self._problems.add(key, f"{quoted(strange[0])} {what}")

    def ordered_labels(self) -> tuple[str, ...]:
        """Return the labels in their order: as in params, or sorted; the positive one of two last."""
        labels_found = sorted(self.labels.counts)
        if all(label.lstrip("-").isdecimal() for label in labels_found):
            labels_found.sort(key=int)
        labels = self._data.labels or tuple(labels_found)
        return tuple(sorted(labels, key=lambda label: label == self._data.positive))
