"""Answer over HTTP as `verdict predict` does: POST /predict, the Open Inference Protocol, a page at /, metrics."""

import argparse
import os
import sys
from pathlib import Path

from verdict.cli.exits import reported

HELP = "answer over HTTP"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the artifacts, the ports, what answers name, and who may ask."""
    parser.add_argument("--model", type=Path, default=Path("models/classifier"), help="folder of the artifact")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="a second artifact, only compared and counted")
    parser.add_argument("--host", default="127.0.0.1", help="where users ask (0.0.0.0: from anywhere)")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--metrics-host", default="127.0.0.1", help="where Prometheus asks")
    parser.add_argument("--metrics-port", type=int, default=8001, help="0 for any that is free")
    parser.add_argument(
        "--release", default=os.environ.get("VERDICT_RELEASE", "unreleased"), help="default: $VERDICT_RELEASE"
    )
    parser.add_argument("--commit", default=os.environ.get("VERDICT_COMMIT"), help="default: $VERDICT_COMMIT")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token that users must bring")
    parser.add_argument("--receipt-key", type=Path, metavar="FILE", help="holds what receipts are signed with")
    parser.add_argument("--access-log", action="store_true", help="a line for each request, without its text")
    parser.add_argument("--drain", type=float, default=0.0, metavar="SECONDS", help="go on for so long after SIGTERM")


def run(options: argparse.Namespace) -> int:
    """Serve until told to end; 0, or 1 where an artifact cannot be loaded or a port is taken."""

    def start() -> None:
        from verdict.base.errors import VerdictError

        try:
            from verdict.serving.server import serve
            from verdict.serving.settings import Settings
        except ImportError as error:
            remedy = "make serve (or pip install -r requirements/serving.txt)"
            raise VerdictError(error.name or "a library", "not installed; `verdict serve` needs it", remedy) from None

        names = ("model", "beside", "release", "commit", "host", "port", "metrics_host", "metrics_port")
        given = {name: getattr(options, name) for name in (*names, "access_log", "drain")}
        token = options.token_file.read_text(encoding="utf-8").strip() if options.token_file else None
        key = options.receipt_key.read_bytes() if options.receipt_key else None
        if token == "" or (key is not None and len(key) < 16):
            place = options.token_file if token == "" else options.receipt_key
            raise VerdictError(str(place), "too short to keep anybody out", "head -c 32 /dev/urandom | base64")
        serve(Settings(**given, token=token, receipt_key=key))

    return reported(start)


if __name__ == "__main__":  # in an image, which has this of verdict/cli and no list of commands
    from verdict.base.numerics import pin

    pin()  # before any import of numpy or torch: they read these settings once, when they load
    parser = argparse.ArgumentParser(prog="verdict serve", description=__doc__)
    arguments(parser)
    sys.exit(run(parser.parse_args()))
