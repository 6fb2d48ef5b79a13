"""Test rows that nobody has approved: both models on them, in one line; no rule is asked of them."""

import pandas as pd

from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import metrics_by_slice
from verdict.review.compare import all_labels, predictions_on
from verdict.review.evidence import Evidence
from verdict.review.testset import WRITE, TestRows
from verdict.review.words import counted, figure, title


def on_unapproved(base: Evidence, candidate: Evidence, own: pd.DataFrame, bins: int, rows: TestRows) -> str:
    """How many there are, and the headline metric of both models there; empty where all are approved."""
    rest = ~rows.counts
    if not rest.any():
        return ""
    *sides, known = predictions_on(base, candidate, own, rest)
    text = f"{counted(int(rest.sum()), 'test row')} nobody has approved yet, and no rule is asked of"
    if not known.all():
        labels = all_labels(base, candidate)
        old, new = (figure(metrics_by_slice(side, labels, bins)[OVERALL][base.headline]) for side in sides)
        text += f": {title(base.headline)} {old} → {new} there"
    text += f" ({known.sum():,} left out, which main had learnt from)" if known.any() else ""
    later = " in a change after this one" if known.any() else ""
    return f"{text}; {WRITE} and the approval data let them count{later}"
