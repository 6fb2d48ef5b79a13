"""The metrics by name, for whoever writes, checks or shows them; free of numpy, which not every job installs."""

from typing import Literal, get_args

Metric = Literal["weighted_f1", "macro_f1", "accuracy", "mcc", "log_loss", "ece", "valence_r"]
METRICS: tuple[str, ...] = get_args(Metric)
HEADLINE = "weighted_f1"
LOWER_IS_BETTER = frozenset({"log_loss", "ece"})
# The group of all sentences; the other groups are the domains.
OVERALL = "overall"
# Of the calibration error on the validation split, which no param of the stage train names.
BINS = 15
