"""Answer over HTTP as `verdict predict` does: POST /predict, the Open Inference Protocol, a page at /, metrics."""

from verdict.serving.command import arguments, run

HELP = "answer over HTTP"
__all__ = ["HELP", "arguments", "run"]
