"""Reads lines, writes one JSON object a line: in batches, so that memory stays constant however long the input."""

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from verdict.base.errors import VerdictError
from verdict.classifier.artifact import Classifier, load_classifier

# Large enough that the overhead is small. Answers come in batches, the first after two of them were read.
BATCH_LINES = 2_000
BATCH_BYTES = 1_000_000
# Line ends to some readers (Python's splitlines among them), though not to JSON: one line in must be one line out.
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_classifier: Classifier
Batch = tuple[list[bytes], int]


class Answers(NamedTuple):
    """The answers to one batch: JSON lines, how many, and how many of the texts were too long to be read whole."""

    text: str
    lines: int
    cut: int


def predict(folder: Path, source: BinaryIO, sink: BinaryIO, processes: int | None = None) -> int:
    """Answer each line of `source` with one line of JSON: `text`, `label`, `probabilities`.

    A line is a text; where the artifact makes its text of several columns, it is a JSON object of these.
    A text longer than the artifact reads is scored by its beginning; their number is printed on standard error. An
    empty line is answered like any other. Bytes that are not UTF-8 are replaced (U+FFFD) in the text that is scored and
    in the answer.

    Args:
        folder: an artifact.
        source: bytes; lines end at a line feed, before which a carriage return is dropped.
        sink: gets UTF-8.
        processes: how many score at a time; as many as this process may use by default. Below two batches, one.

    Returns:
        The number of lines.

    Raises:
        VerdictError: the artifact is damaged or foreign, or a line is no object of its columns; it is named.
    """
    batches = _batches(source)
    head = list(islice(batches, 2))
    workers = processes or len(os.sched_getaffinity(0))
    classifier = load_classifier(folder)  # raises for a damaged artifact once, before every worker would
    if workers == 1 or len(head) < 2:
        return _write(sink, (answer_lines(classifier, *batch) for batch in chain(head, batches)), classifier)
    with ProcessPoolExecutor(workers, initializer=_load, initargs=(folder,)) as pool:
        return _write(sink, _in_order(pool, chain(head, batches), workers), classifier)


def answer_lines(classifier: Classifier, lines: list[bytes], first: int = 1) -> Answers:
    """The answers to one batch of lines, one JSON object a line; `first` is the number of its first line."""
    decoded = (line.decode("utf-8", errors="replace") for line in lines)
    values = [_parse_line(classifier, line, number) for number, line in enumerate(decoded, first)]
    texts = [classifier.text.join(one) for one in values]
    out = []
    for text, answer in zip(values, classifier.answers(texts), strict=True):
        line = json.dumps({"text": text, **answer._asdict()}, ensure_ascii=False)
        out.append(line.translate(_LINE_ENDS) + "\n")
    return Answers("".join(out), len(lines), sum(map(classifier.text.is_cut, texts)))


def _parse_line(classifier: Classifier, line: str, number: int) -> str | dict[str, str]:
    """Parse a line: a text, or an object of the columns that it is made of."""
    if len(classifier.text.columns) == 1:
        return line
    try:
        columns: dict[str, str] = json.loads(line)
        classifier.text.join(columns)
    except (ValueError, RecursionError) as error:
        example = json.dumps(dict.fromkeys(classifier.text.columns, "…"), ensure_ascii=False)
        raise VerdictError(
            f"standard input, line {number}", f"{error}: {line!r:.60}", f"lines such as {example}"
        ) from None
    return columns


def _batches(source: BinaryIO) -> Iterator[Batch]:
    """Lines with the number of the first of them."""
    lines: list[bytes] = []
    size, first = 0, 1
    for line in source:
        lines.append(line.removesuffix(b"\n").removesuffix(b"\r"))
        size += len(line)
        if len(lines) == BATCH_LINES or size >= BATCH_BYTES:
            yield lines, first
            lines, size, first = [], 0, first + len(lines)
    if lines:
        yield lines, first


def _load(folder: Path) -> None:
    global _classifier  # noqa: PLW0603 - a worker process has one classifier for its life
    _classifier = load_classifier(folder)


def _answer_batch(batch: Batch) -> Answers:
    return answer_lines(_classifier, *batch)


def _in_order(pool: ProcessPoolExecutor, batches: Iterator[Batch], workers: int) -> Iterator[Answers]:
    """Yield answers in order; one batch waits for each busy worker, and no more, to save memory."""
    waiting: deque[Future[Answers]] = deque()
    for batch in batches:
        waiting.append(pool.submit(_answer_batch, batch))
        if len(waiting) >= 2 * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _write(sink: BinaryIO, batches: Iterable[Answers], classifier: Classifier) -> int:
    lines = cut = 0
    for batch in batches:
        sink.write(batch.text.encode("utf-8", errors="replace"))
        sink.flush()
        lines, cut = lines + batch.lines, cut + batch.cut
    if cut:
        limit = f"{classifier.text.max_length:,} characters, as many as the artifact reads (text.max_length)"
        print(f"note: {cut:,} of {lines:,} lines scored by their first {limit}", file=sys.stderr)
    return lines
