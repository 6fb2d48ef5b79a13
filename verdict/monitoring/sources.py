"""Where counts of live text come from: /metrics of services, Prometheus, or a table that the model scores."""

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

_SECONDS, _MOST = 10, 50_000_000  # bytes
_SERIES = re.compile(r"(?m)^(verdict_(?:words_total|answers_total|text_characters_bucket|build_info))\{(.*)\} (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_NAMES = ("verdict_words_total", "verdict_answers_total", "verdict_text_characters_bucket")
_THERE = "is the service there? --from URL of its metrics"
_OURS = "a service of the version that this command has"


class Sample(NamedTuple):
    """A series of a service and its value."""

    name: str
    labels: Mapping[str, str]
    value: float


def scraped(url: str) -> list[Sample]:
    """The series of a service since it began; `VerdictError` where it does not answer."""
    text = _get(url, _THERE).decode(errors="replace")
    try:
        return [Sample(match[1], dict(_labels(match[2])), float(match[3])) for match in _SERIES.finditer(text)]
    except ValueError as error:
        raise VerdictError(url, f"gives no metrics: {error}", _OURS) from None


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _LABEL.findall(text):
        yield name, _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], value)


def reference_of(url: str) -> Reference:
    """What a service that is scraped at `url` counts words by: its release's own; `VerdictError` where it has none."""
    _require_address(url, _THERE)
    own = urljoin(url, "reference.json")
    return parse(_get(own, f"{_THERE}; it needs `verdict serve --reference FILE`, or an image that has one"), own)


def increases(url: str, since: str) -> list[Sample]:
    """What Prometheus has of all services together, over the last `since` (such as 6h)."""
    found: list[Sample] = []
    for name, by in zip(_NAMES, ("release, word", "release, label, confidence", "release, le"), strict=True):
        query = urlencode({"query": f"sum by ({by}) (increase({name}[{since}]))"})
        remedy = "--prometheus URL, --since 6h"
        answer = _get(f"{url.rstrip('/')}/api/v1/query?{query}", remedy)
        try:
            results = json.loads(answer)["data"]["result"]
            found += [Sample(name, one["metric"], float(one["value"][1])) for one in results]
        except (ValueError, LookupError, TypeError):
            raise VerdictError(url, "answers nothing that Prometheus would", remedy) from None
    return found


def _require_address(url: str, remedy: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise VerdictError(url, "is no address", remedy)


def _get(url: str, remedy: str) -> bytes:
    _require_address(url, remedy)
    try:
        with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the scheme was looked at
            found: bytes = answer.read(_MOST + 1)
            cut = bool(answer.length) and len(found) <= _MOST
    except (URLError, HTTPException, OSError, ValueError) as error:  # also what a kill has cut off
        raise VerdictError(url, f"gives no metrics: {error}", remedy) from None
    if cut or len(found) > _MOST:
        raise VerdictError(
            url, f"gives no metrics: {'half an answer' if cut else f'more than {_MOST:,} bytes'}", remedy
        )
    return found


def windows(samples: Iterable[Sample], reference: Reference) -> dict[str, Window]:
    """The counts of each release. A word that the reference does not name is one of the others.

    Raises:
        VerdictError: a series is none of a service that counts as this code does.
    """
    size, steps = len(reference.counter.names), [*LENGTHS, np.inf]
    places = {name: place for place, name in enumerate(reference.counter.names)}
    labels = {name: place for place, name in enumerate(reference.labels)}
    found: dict[str, Window] = defaultdict(lambda: empty(size, len(labels)))
    for name, own, value in samples:
        if "release" not in own:
            continue
        window = found[own["release"]]
        try:
            count = _whole(value)
            if name == "verdict_words_total":
                window.words[places.get(own["word"], places[OTHER])] += count
            elif name == "verdict_text_characters_bucket":
                window.characters[steps.index(float(own["le"]))] += count
            elif own["label"] in labels:
                window.answers[labels[own["label"]], _whole(float(own["confidence"]) * CONFIDENCE_STEPS)] += count
        except (LookupError, ValueError, OverflowError):
            raise VerdictError(f"{name} of {own['release']}", f"no count of ours: {value:g}", _OURS) from None
    for window in found.values():  # Prometheus counts whatever is at most so long
        window.characters[1:] -= window.characters[:-1].copy()
    return dict(found)


def _whole(value: float) -> int:
    if not 0 <= value < 1 << 53:  # NaN is not, either
        raise ValueError
    return round(value)


def digests(samples: Iterable[Sample]) -> set[str]:
    """By which words services count: `Reference.digest` of each."""
    return {own["words"] for name, own, _ in samples if name == "verdict_build_info" and own.get("words")}


def empty(places: int, labels: int) -> Window:
    """A window of no text."""
    return Window(
        np.zeros(places, np.int64), np.zeros((labels, CONFIDENCE_STEPS), np.int64), np.zeros(len(LENGTHS) + 1, np.int64)
    )


def of_table(path: Path, model: Path, reference: Reference) -> Window:
    """The counts of a table of text (csv, tsv, jsonl or parquet), scored here.

    Raises:
        VerdictError: it cannot be read, or lacks a column that the model makes its text of.
    """
    from verdict.classifier.artifact import load_classifier
    from verdict.classifier.dataset.problems import Problems
    from verdict.classifier.dataset.table import read_batches

    classifier, problems = load_classifier(model), Problems(str(path), "correct the table")
    found = empty(len(reference.counter.names), len(reference.labels))
    for batch in read_batches(path, [("data.text", column) for column in classifier.text.columns], problems):
        rows = zip(*batch.columns.values(), strict=True)
        texts = [
            classifier.text.clean(classifier.text.join(dict(zip(batch.columns, row, strict=True)))) for row in rows
        ]
        found.words[:] += reference.counter.count(texts).sum(axis=0)
        for text, (label, probabilities) in zip(texts, classifier.answers(texts), strict=True):
            step = min(int(probabilities[label] * CONFIDENCE_STEPS), CONFIDENCE_STEPS - 1)
            found.answers[reference.labels.index(label), step] += 1
            found.characters[np.searchsorted(LENGTHS, len(text))] += 1
    problems.raise_if_any()
    return found
