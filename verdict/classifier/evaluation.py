"""What an artifact says of labelled text, the way a user of it would ask."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.classifier.artifact import document_hash, load_classifier, load_documents
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.dataset.text import GIVEN
from verdict.classifier.scores.predictions import with_probabilities


def predictions_of(model: Path, table: pa.Table) -> pa.Table:
    """The truth columns and three probabilities for each row, by an artifact that was not trained on any of them.

    Raises:
        VerdictError: it cannot be loaded, predicts other labels, learnt from one of the documents, or is not finite.
    """
    classifier = load_classifier(model)
    if classifier.labels != LABELS:
        raise VerdictError(str(model), f"predicts {classifier.labels}, the data has {LABELS}", "dvc repro train")
    known = set(load_documents(model))
    documents = dict.fromkeys(table["document"].to_pylist())
    if leaked := [document for document in documents if document_hash(document) in known]:
        what = f"was trained on {len(leaked)} documents of the test split, such as {leaked[0]}"
        raise VerdictError(str(model), what, "dvc repro train")
    probabilities = classifier.probabilities(classifier.text.of(table.select(GIVEN).to_pydict(), str(model)))
    if not np.isfinite(probabilities).all():
        raise VerdictError(str(model), "gives probabilities that are not finite", "dvc repro -f train")
    return with_probabilities(table, probabilities)
