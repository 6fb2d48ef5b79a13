"""What an artifact says of labelled text, the way a user of it would ask."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.classifier.artifact import group_hash, load_classifier, load_groups
from verdict.classifier.scores.predictions import codes, with_probabilities


def predictions_of(model: Path, table: pa.Table, source: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The truth columns and a probability of each class for each row, by an artifact that learnt from none of them.

    Args:
        model: the folder of the artifact.
        table: truth columns and `text`.
        source: what a message calls the table.

    Returns:
        The predictions, and the classes in their order.

    Raises:
        VerdictError: it cannot be loaded, lacks a class, learnt from one of the groups, or is not finite.
    """
    classifier = load_classifier(model)
    codes(table, classifier.labels, str(source))
    known = set(load_groups(model))
    groups = dict.fromkeys(table["group"].to_pylist())
    if leaked := [group for group in groups if group_hash(group) in known]:
        what = f"was trained on {len(leaked)} groups of the test split, such as {leaked[0]}"
        raise VerdictError(str(model), what, "dvc repro train")
    probabilities = classifier.probabilities(table["text"].to_pylist())
    if not np.isfinite(probabilities).all():
        raise VerdictError(str(model), "gives probabilities that are not finite", "dvc repro -f train")
    return with_probabilities(table, classifier.labels, probabilities), classifier.labels
