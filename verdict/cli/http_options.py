"""Options of the commands that serve over HTTP."""

import argparse
import stat
import sys
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.printable import plain


def arguments(parser: argparse.ArgumentParser, port: int) -> None:
    """Add ports (this one and the next), hosts, and secrets."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="where users ask (0.0.0.0: from anywhere)")
    add("--port", type=int, default=port, help="0 for any that is free")
    add("--metrics-host", default="127.0.0.1", help="where Prometheus asks")
    add("--metrics-port", type=int, default=port + 1, help="0 for any that is free")
    add("--token-file", type=Path, metavar="FILE", help="holds the token that users must bring")
    add("--receipt-key", type=Path, metavar="FILE", help="holds what receipts are signed with")
    add("--access-log", action="store_true", help="a line for each request, without its text")
    add("--drain", type=float, default=0.0, metavar="SECONDS", help="go on for so long after SIGTERM")


def read_secret(path: Path | None) -> bytes | None:
    """Read a secret, with a warning if all can read the file; `VerdictError` if it is too short."""
    if path is None:
        return None
    if path.stat().st_mode & stat.S_IROTH:
        remedy = f"chmod o= {plain(path)}"
        print(f"warning: {plain(path)}: everybody on this machine can read it ({remedy})", file=sys.stderr)
    if len(content := path.read_bytes().strip()) < 16:
        raise VerdictError(str(path), "too short to keep anybody out", "head -c 32 /dev/urandom | base64")
    return content
