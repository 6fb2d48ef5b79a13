"""The problems of a table, collected while it is read and raised as one error."""

import json

from verdict.base.errors import VerdictError

# The most problems that are listed; in a table with more, many have the same cause.
_MAX_SHOWN = 30
_LONGEST = 80


def quoted(value: str) -> str:
    """Quote a value for a message, on one line, cut if long."""
    return json.dumps(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…", ensure_ascii=False)


class Problems:
    """Problems by the key of params.yaml (or the file) that they belong to; each is listed once, with its first row."""

    def __init__(self, table: str, remedy: str = "correct the table, or the keys of params.yaml") -> None:
        self._table, self._remedy = table, remedy
        self._lines: list[str] = []
        self._rows: dict[tuple[str, str, str], tuple[str, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines or self._rows)

    def add(self, key: str, what: str) -> None:
        """Note a problem of the whole table."""
        self._lines.append(f"{key}: {what}")

    def add_row(self, key: str, place: str, what: str, then: str = "") -> None:
        """Note a problem of one row, listed as WHAT in N rows (first: PLACE) THEN."""
        first, count = self._rows.get((key, what, then), (place, 0))
        self._rows[key, what, then] = first, count + 1

    def add_all(self, others: "Problems") -> None:
        """Add the problems of later rows."""
        self._lines += others._lines
        for problem, (place, count) in others._rows.items():
            first, before = self._rows.get(problem, (place, 0))
            self._rows[problem] = first, before + count

    def raise_if_any(self) -> None:
        """Raise the problems, if there are any, as one `VerdictError`."""
        lines = list(self._lines)
        for (key, what, then), (first, count) in self._rows.items():
            lines.append(f"{key}: {what} in {count:,} row{'s' * (count > 1)} (first: {first}){then}")
        if lines:
            if len(lines) > _MAX_SHOWN:
                lines[_MAX_SHOWN:] = [f"and {len(lines) - _MAX_SHOWN:,} more problems"]
            raise VerdictError(self._table, "".join(f"\n  {line}" for line in lines), self._remedy)
