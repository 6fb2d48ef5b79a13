"""Answer over HTTP as `verdict predict` does: POST /predict, the Open Inference Protocol, a page at /, metrics."""

import argparse
import os
import sys
from pathlib import Path

from verdict.cli import http_options
from verdict.cli.exits import exit_1_on_error, libraries_of

HELP = "answer over HTTP"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the artifacts, the reference, addresses, secrets, and the version that answers name."""
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/classifier"), help="folder of the artifact")
    add("--reference", type=Path, metavar="FILE", help="counts words by it (default: reference.json beside the folder)")
    add("--beside", type=Path, metavar="DIR", help="a second artifact, only compared and counted")
    http_options.arguments(parser, 8000)
    add("--release", default=os.environ.get("VERDICT_RELEASE", "unreleased"), help="default: $VERDICT_RELEASE")
    add("--commit", default=os.environ.get("VERDICT_COMMIT"), help="default: $VERDICT_COMMIT")


@exit_1_on_error
def run(options: argparse.Namespace) -> None:
    """Serve until told to end; 0, or 1 if an artifact cannot be loaded or a port is taken."""
    with libraries_of("`verdict serve`", "make serve (or pip install -r requirements/serving.txt)"):
        from verdict.serving.server import serve
        from verdict.serving.settings import Settings
    values = {name: value for name, value in vars(options).items() if name in Settings.__dataclass_fields__}
    secrets = {"token": options.token_file, "receipt_key": options.receipt_key}
    serve(Settings(**values | {name: http_options.read_secret(path) for name, path in secrets.items()}))


if __name__ == "__main__":  # in an image, which has this module and no list of commands
    from verdict.base.numerics import pin

    pin()  # before any import of numpy or torch: they read these settings once, when they load
    parser = argparse.ArgumentParser(prog="verdict serve", description=__doc__)
    arguments(parser)
    sys.exit(run(parser.parse_args()))
