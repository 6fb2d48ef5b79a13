"""The names of the metrics. This module does without numpy, which not every job installs."""

from collections.abc import Sequence

# Of any number of classes; of two; of labels that come from a rating.
COMMON = ("weighted_f1", "macro_f1", "accuracy", "mcc", "log_loss", "ece")
BINARY = ("roc_auc", "average_precision")
RATED = ("rating_r",)
# Of one class, written as `recall:LABEL`.
BY_CLASS = ("precision", "recall", "f1")
LOWER_IS_BETTER = frozenset({"log_loss", "ece"})
# The metric that decides, unless params.yaml names another.
HEADLINE = "weighted_f1"
# The name for all rows, beside those of the slices.
OVERALL = "overall"
# Of the calibration error on the validation split, which no param of the stage train names.
BINS = 15


def metrics_of(classes: int, rated: bool) -> tuple[str, ...]:
    """The metrics of all classes together, in the order in which they are shown."""
    return (*COMMON, *(BINARY if classes == 2 else ()), *(RATED if rated else ()))


def class_metric_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The metrics of each class alone."""
    return tuple(f"{metric}:{label}" for label in labels for metric in BY_CLASS)


def known_metric(name: str) -> str:
    """Check the name of a metric for pydantic; whether the data has it, such as its class, is checked later."""
    metric, _, label = name.partition(":")
    if name in (*COMMON, *BINARY, *RATED) or (metric in BY_CLASS and label):
        return name
    known = ", ".join((*COMMON, *BINARY, *RATED, *(f"{metric}:LABEL" for metric in BY_CLASS)))
    raise ValueError(f"no such metric; there is {known}")
