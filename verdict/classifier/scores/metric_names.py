"""The names of the metrics, apart from what computes them: that takes long to import."""

from typing import Literal, get_args

# As `verdict.classifier.scores.metrics.scores` defines them.
Metric = Literal["weighted_f1", "macro_f1", "accuracy", "mcc", "log_loss", "ece", "valence_r"]
METRICS: tuple[str, ...] = get_args(Metric)
HEADLINE = "weighted_f1"  # by which models are chosen and judged
