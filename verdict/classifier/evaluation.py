"""Predictions of an artifact on labelled text, made from the text as a user of it would."""

from collections.abc import Iterator
from itertools import chain, compress
from pathlib import Path

import numpy as np
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.base.files import read_arrow, read_arrow_parts, write_parts
from verdict.classifier.artifact import Classifier, known_groups, load_classifier
from verdict.classifier.dataset.description import prepared_parts
from verdict.classifier.dataset.groups import group_hashes
from verdict.classifier.features.hashing import text_batches
from verdict.classifier.scores.predictions import label_codes, with_probabilities

_REMEDY = "dvc repro prepare"


def write_predictions(model: Path, source: Path, target: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """Write the truth columns and a probability of each class for each row; no more than a part has its text in memory.

    Args:
        model: the folder of an artifact that was trained on none of the rows.
        source: a prepared table.
        target: where to write.

    Returns:
        What was written, and the classes in their order.

    Raises:
        VerdictError: the artifact cannot be loaded, lacks a class, was trained on one of the groups, or is not finite.
    """
    classifier = load_classifier(model)
    _refuse_known_groups(model, source)
    parts = _predicted_parts(model, classifier, source)
    first = next(parts)
    write_parts(target, first.schema, chain([first], parts))
    return read_arrow(target, "dvc repro evaluate"), classifier.labels


def _refuse_known_groups(model: Path, source: Path) -> None:
    known, overlap = known_groups(model), dict[str, None]()
    for part in read_arrow_parts(source, _REMEDY, ["group"]):
        groups = list(dict.fromkeys(part["group"].to_pylist()))
        hashes = group_hashes(groups)
        there = np.searchsorted(known, hashes, "right") > np.searchsorted(known, hashes, "left")
        overlap |= dict.fromkeys(compress(groups, there))
    if overlap:
        what = f"was trained on {len(overlap)} groups of the test split, such as {next(iter(overlap))}"
        raise VerdictError(str(model), what, "dvc repro train")


def _predicted_parts(model: Path, classifier: Classifier, source: Path) -> Iterator[pa.Table]:
    start = 0
    for part in prepared_parts(source, _REMEDY, "text"):
        label_codes(part, classifier.labels, str(source), start)
        start += len(part)
        parts = [classifier.probabilities(texts) for texts in text_batches(part["text"].to_pylist())]
        probabilities = np.concatenate([np.empty((0, len(classifier.labels))), *parts])
        if not np.isfinite(probabilities).all():
            raise VerdictError(str(model), "gives probabilities that are not finite", "dvc repro -f train")
        yield with_probabilities(part, classifier.labels, probabilities)
