"""Classify text: a line on standard input becomes one JSON object on standard output."""

import argparse
import sys
from pathlib import Path

from verdict.cli.exits import exit_1_on_error
from verdict.cli.types import whole_number

HELP = "classify lines of standard input, as JSON lines"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the artifact and the number of processes."""
    parser.add_argument("--model", type=Path, default=Path("models/classifier"), help="folder of the artifact")
    parser.add_argument("--processes", type=whole_number, help="default: one a processor")


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Classify until the input ends; 0, or 1 if the artifact cannot be loaded."""
    from verdict.classifier.predict import predict

    predict(options.model, sys.stdin.buffer, sys.stdout.buffer, options.processes)
