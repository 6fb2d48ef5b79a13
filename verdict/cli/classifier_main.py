"""The commands `verdict predict`, `scores` and `doctor`."""

if __name__ == "__main__":
    from verdict.base.isolated import start_again

    start_again("verdict")

import argparse
import re
import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.cli.types import whole_number


def _device(text: str) -> str:
    """A device, as params.yaml may name it."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of cpu, cuda and cuda:N")
    return text


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(prog="verdict", description="Use the trained classifier.")
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", help="lines on standard input to JSON lines on standard output")
    predict.add_argument("--model", type=Path, default=Path("models/classifier"), help="folder of the artifact")
    predict.add_argument(
        "--processes", type=whole_number, default=None, help="as many as there are processors by default"
    )
    scores = commands.add_parser("scores", help="the table of the metrics")
    scores.add_argument("path", type=Path, nargs="?", default=Path("metrics/evaluation.json"))
    doctor = commands.add_parser("doctor", help="what this machine offers as a runner; exit code 1 if it cannot serve")
    doctor.add_argument("--device", type=_device, help="what it must serve: cpu, cuda or cuda:N (train.device)")
    doctor.add_argument("--root", type=Path, default=Path(), help="the checkout to serve (default: this folder)")
    options = parser.parse_args()
    if options.command == "predict":
        from verdict.classifier.predict import predict as run

        run(options.model, sys.stdin.buffer, sys.stdout.buffer, options.processes)
    elif options.command == "doctor":
        from verdict.ci.run.doctor import doctor as examine

        sys.exit(0 if examine(options.device, options.root) else 1)
    else:
        from verdict.classifier.scores.scoreboard import scoreboard

        print(scoreboard(options.path))


if __name__ == "__main__":
    sys.exit(exit_code(main))
