"""Test rows that nobody has approved: both models' headline metric on them, in one line. No rule applies to them."""

from verdict.classifier.params.metric_names import OVERALL
from verdict.classifier.scores.predictions import metrics_by_slice
from verdict.review.compare import all_labels, predictions_on
from verdict.review.evidence import Evidence
from verdict.review.testset import WRITE, TestRows
from verdict.review.words import counted, figure, title


def on_unapproved(base: Evidence, candidate: Evidence, bins: int, rows: TestRows) -> str:
    """Count these rows, and give both models' headline metric on them; empty where all rows are approved."""
    unapproved = ~rows.judged
    if not unapproved.any():
        return ""
    *tables, learnt = predictions_on(base, candidate, unapproved)
    text = f"{counted(int(unapproved.sum()), 'test row')} nobody has approved yet, and no rule is asked of"
    if not learnt.all():
        labels = all_labels(base, candidate)
        old, new = (figure(metrics_by_slice(table, labels, bins)[OVERALL][base.headline]) for table in tables)
        text += f": {title(base.headline)} {old} → {new} there"
    text += f" ({learnt.sum():,} left out, which main had learnt from)" if learnt.any() else ""
    later = " in a change after this one" if learnt.any() else ""
    return f"{text}; {WRITE} and the approval data let them count{later}"
