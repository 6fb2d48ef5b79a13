"""Counts of live text: from the metrics of services, from Prometheus, or of a table that the model scores here."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlencode, urljoin
from urllib.request import urlopen

import numpy as np

from verdict.base.errors import VerdictError
from verdict.monitoring.reference import CONFIDENCE_STEPS, LENGTHS, Reference, parse
from verdict.monitoring.reference.mixture import Window
from verdict.monitoring.reference.words import OTHER

_TIMEOUT, _MAX_BYTES = 10, 50_000_000  # timeout in seconds
_SERIES = re.compile(r"(?m)^(verdict_(?:words_total|answers_total|text_characters_bucket|build_info))\{(.*)\} (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
# The counters, and the labels by which Prometheus sums each.
_COUNTERS = {
    "verdict_words_total": "release, word",
    "verdict_answers_total": "release, label, confidence",
    "verdict_text_characters_bucket": "release, le",
}
_IS_IT_THERE = "is the service there? --from URL of its metrics"
_SAME_VERSION = "a service of the version that this command has"


class Sample(NamedTuple):
    """A series of a service and its value."""

    name: str
    labels: Mapping[str, str]
    value: float


def scrape(url: str) -> list[Sample]:
    """Read a service's counts since its start; `VerdictError` if it does not answer."""
    text = _get(url, _IS_IT_THERE).decode(errors="replace")
    try:
        return [Sample(match[1], dict(_labels(match[2])), float(match[3])) for match in _SERIES.finditer(text)]
    except ValueError as error:
        raise VerdictError(url, f"gives no metrics: {error}", _SAME_VERSION) from None


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _LABEL.findall(text):
        yield name, _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], value)


def fetch_reference(url: str) -> Reference:
    """Get the reference by which a service counts, given its metrics' URL; `VerdictError` if it has none."""
    _require_http(url, _IS_IT_THERE)
    address = urljoin(url, "reference.json")
    remedy = f"{_IS_IT_THERE}; it needs `verdict serve --reference FILE`, or an image that has one"
    return parse(_get(address, remedy), address)


def query_increases(url: str, since: str) -> list[Sample]:
    """Ask Prometheus for the counts of all services together over the last `since` (such as 6h)."""
    samples: list[Sample] = []
    remedy = "--prometheus URL, --since 6h"
    for name, labels in _COUNTERS.items():
        query = urlencode({"query": f"sum by ({labels}) (increase({name}[{since}]))"})
        answer = _get(f"{url.rstrip('/')}/api/v1/query?{query}", remedy)
        try:
            results = json.loads(answer)["data"]["result"]
            samples += [Sample(name, series["metric"], float(series["value"][1])) for series in results]
        except (ValueError, LookupError, TypeError):
            raise VerdictError(url, "answers nothing that Prometheus would", remedy) from None
    return samples


def _require_http(url: str, remedy: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise VerdictError(url, "is no address", remedy)


def _get(url: str, remedy: str) -> bytes:
    _require_http(url, remedy)
    try:
        with urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 - the scheme is checked above
            content: bytes = answer.read(_MAX_BYTES + 1)
            truncated = bool(answer.length) and len(content) <= _MAX_BYTES
    except (URLError, HTTPException, OSError, ValueError) as error:  # also an answer that a kill has cut off
        raise VerdictError(url, f"gives no metrics: {error}", remedy) from None
    if truncated or len(content) > _MAX_BYTES:
        problem = "half an answer" if truncated else f"more than {_MAX_BYTES:,} bytes"
        raise VerdictError(url, f"gives no metrics: {problem}", remedy)
    return content


def windows_by_release(samples: Iterable[Sample], reference: Reference) -> dict[str, Window]:
    """Sum the counts of each release. A word that the reference does not name counts as one of the others.

    Raises:
        VerdictError: a series is not one of a service that counts as this code does.
    """
    bounds = [*LENGTHS, np.inf]
    places = {name: place for place, name in enumerate(reference.counter.names)}
    rows = {name: row for row, name in enumerate(reference.labels)}
    windows: dict[str, Window] = defaultdict(lambda: empty_window(reference))
    for name, labels, value in samples:
        if "release" not in labels:
            continue
        window = windows[labels["release"]]
        try:
            count = _whole(value)
            if name == "verdict_words_total":
                window.words[places.get(labels["word"], places[OTHER])] += count
            elif name == "verdict_text_characters_bucket":
                window.characters[bounds.index(float(labels["le"]))] += count
            elif labels["label"] in rows:
                window.answers[rows[labels["label"]], _whole(float(labels["confidence"]) * CONFIDENCE_STEPS)] += count
        except (LookupError, ValueError, OverflowError):
            raise VerdictError(
                f"{name} of {labels['release']}", f"no count of ours: {value:g}", _SAME_VERSION
            ) from None
    for window in windows.values():  # buckets of Prometheus are cumulative
        window.characters[1:] -= window.characters[:-1].copy()
    return dict(windows)


def _whole(value: float) -> int:
    if not 0 <= value < 1 << 53:  # also refuses NaN
        raise ValueError
    return round(value)


def digests(samples: Iterable[Sample]) -> set[str]:
    """The `Reference.digest` of each reference by which the services count."""
    return {labels["words"] for name, labels, _ in samples if name == "verdict_build_info" and labels.get("words")}


def empty_window(reference: Reference) -> Window:
    """A window of no text, with the words and labels of a reference."""
    words, labels = len(reference.counter.names), len(reference.labels)
    shapes = words, (labels, CONFIDENCE_STEPS), len(LENGTHS) + 1
    return Window(*(np.zeros(shape, np.int64) for shape in shapes))


def count_table(path: Path, model: Path, reference: Reference) -> Window:
    """Count a table of text (csv, tsv, jsonl or parquet) that the model scores here.

    Raises:
        VerdictError: the table cannot be read, or lacks a column that the model makes its text of.
    """
    from verdict.classifier.artifact import load_classifier
    from verdict.classifier.dataset.problems import Problems
    from verdict.classifier.dataset.table import read_batches

    classifier, problems = load_classifier(model), Problems(str(path), "correct the table")
    window = empty_window(reference)
    for batch in read_batches(path, [("data.text", column) for column in classifier.text.columns], problems):
        rows = (dict(zip(batch.columns, row, strict=True)) for row in zip(*batch.columns.values(), strict=True))
        texts = [classifier.text.clean(classifier.text.join(row)) for row in rows]
        window.words[:] += reference.counter.count(texts).sum(axis=0)
        for text, (label, probabilities) in zip(texts, classifier.answers(texts), strict=True):
            step = min(int(probabilities[label] * CONFIDENCE_STEPS), CONFIDENCE_STEPS - 1)
            window.answers[reference.labels.index(label), step] += 1
            window.characters[np.searchsorted(LENGTHS, len(text))] += 1
    problems.raise_if_any()
    return window
