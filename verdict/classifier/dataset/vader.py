"""The raw files, as they were published: one pair a domain, tab separated, UTF-8, with faults.

Source: C. J. Hutto and E. Gilbert, VADER, ICWSM 2014; data/README.md describes the files.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError

# The order is the order of the rows in every table.
FILES = {
    "tweets": "tweets",
    "movies": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "news": "nytEditorialSnippets",
}
DOMAINS = tuple(FILES)
VALENCE_LIMIT = 4.0
_REMEDY = "python -I data/fetch.py --force, or correct the file"


@dataclass(frozen=True, slots=True)
class Ratings:
    """The single ratings of one sentence: how many there are, their mean and their population standard deviation."""

    raters: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """One raw row. `key` is the file's own id, `valence` the published mean, in [-4, 4]."""

    domain: str
    key: str
    valence: float
    text: str
    ratings: Ratings


def read_domain(folder: Path, domain: str, dropped: Counter[tuple[str, str]]) -> list[Sentence]:
    """Read one domain's sentences in file order.

    Args:
        folder: data/raw.
        domain: one of `DOMAINS`.
        dropped: gets one count under (domain, reason) for each row that cannot be used.

    Raises:
        VerdictError: a file is missing, empty or not UTF-8, or none of its rows can be used.
    """
    ratings = _read_ratings(folder / f"{FILES[domain]}_anonDataRatings.txt", domain, dropped)
    path = folder / f"{FILES[domain]}_GroundTruth.txt"
    sentences: dict[str, Sentence] = {}
    for line in _lines(path):
        found = _sentence(line, domain, ratings)
        if isinstance(found, Sentence) and found.key in sentences:
            found = "id used before"
        if isinstance(found, Sentence):
            sentences[found.key] = found
        else:
            dropped[domain, found] += 1
    if not sentences:
        reasons = ", ".join(f"{count} × {reason}" for (where, reason), count in dropped.items() if where == domain)
        raise VerdictError(str(path), f"no usable row ({reasons})", _REMEDY)
    return list(sentences.values())


def _sentence(line: str, domain: str, ratings: dict[str, Ratings | None]) -> Sentence | str:
    """The row, or the reason why it cannot be used."""
    fields = line.split("\t")
    if len(fields) != 3:
        return "not three columns"
    key, mean, text = (field.strip() for field in fields)
    valence = _number(mean)
    if valence is None:
        return "mean is not a number"
    found = ratings.get(key)
    faults = {
        "no id": not key,
        "no text": not text,
        "mean outside [-4, 4]": abs(valence) > VALENCE_LIMIT,
        "no ratings": key not in ratings,
    }
    if fault := next((name for name, holds in faults.items() if holds), None):
        return fault
    return "unusable ratings" if found is None else Sentence(domain, key, valence, text, found)


def _read_ratings(path: Path, domain: str, dropped: Counter[tuple[str, str]]) -> dict[str, Ratings | None]:
    found: dict[str, Ratings | None] = {}
    for line in _lines(path):
        fields = line.split("\t")
        if len(fields) == 4:
            found[fields[0].strip()] = _ratings(fields[3])
        else:
            dropped[domain, "ratings: not four columns"] += 1
    return found


def _ratings(field: str) -> Ratings | None:
    try:
        values = json.loads(field)
    except (ValueError, RecursionError):  # not JSON, or a number or a nesting too long for its reader
        return None
    if not isinstance(values, list) or not values:
        return None
    # NaN, which json reads, fails the comparison; bool, which is an int to Python, is not a rating.
    if not all(type(value) in (int, float) and abs(value) <= VALENCE_LIMIT for value in values):
        return None
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return Ratings(len(values), mean, deviation)


def _number(field: str) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _lines(path: Path) -> Iterator[str]:
    """The non-empty lines of a UTF-8 file, with or without a byte-order mark, with either kind of line end."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", "python -I data/fetch.py") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise VerdictError(f"{path}, line {row}", f"not UTF-8 (byte {error.start})", _REMEDY) from None
    # Not splitlines(): it also splits at characters that stand inside sentences, such as U+0085.
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines:
        raise VerdictError(str(path), "empty file", _REMEDY)
    yield from lines
