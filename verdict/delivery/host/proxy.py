"""haproxy through its admin socket: reads its counts and sets weights, without a reload or a new configuration."""

import csv
import io
import socket
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError

# haproxy answers at once or not at all.
_SECONDS = 2.0


@dataclass(frozen=True)
class ServerStats:
    """haproxy's figures of a server.

    Args:
        weight: its share of the requests, 0 to 256.
        active: requests that are being answered.
        requests: sent to it, each attempt counted.
        failures: attempts that were repeated elsewhere, and answers of 500 and above that reached a user.
        up: whether haproxy's own health checks pass.
    """

    weight: int
    active: int
    requests: int
    failures: int
    up: bool = True


@dataclass(frozen=True)
class Proxy:
    """A running haproxy.

    Args:
        path: of its socket (`stats socket PATH level admin`).
        backend: the name of the backend.
        servers: the names of its servers, one for each slot.
    """

    path: Path
    backend: str
    servers: tuple[str, ...]

    def stats(self) -> dict[str, ServerStats]:
        """The figures of each server; `VerdictError` when haproxy does not answer, or has no such server."""
        rows = csv.DictReader(io.StringIO(self._command("show stat").removeprefix("# ")))
        stats = {row["svname"]: _parse(row) for row in rows if row["pxname"] == self.backend}
        if missing := [name for name in self.servers if name not in stats]:
            what = f"haproxy has no server {missing[0]} in a backend {self.backend}"
            remedy = "the names of host.toml in its configuration, as haproxy.cfg has them"
            raise VerdictError(str(self.path), what, remedy)
        return {name: stats[name] for name in self.servers}

    def weigh(self, server: str, weight: int) -> None:
        """Set a server's share of new requests."""
        error = self._command(f"set weight {self.backend}/{server} {weight}").strip()
        if error:
            raise VerdictError(str(self.path), f"haproxy: {error}", f"a server {server} in backend {self.backend}")

    def _command(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_SECONDS)
                connection.connect(str(self.path))
                connection.sendall(f"{command}\n".encode())
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError as error:
            what = f"haproxy does not answer: {error.strerror or error}"
            remedy = "start haproxy, with the socket that host.toml names"
            if isinstance(error, PermissionError):
                remedy = "the user of haproxy, who must be the guard's, too"
            raise VerdictError(str(self.path), what, remedy) from None


def _parse(row: dict[str, str]) -> ServerStats:
    """Parse a row of `show stat`; a retry is a failure that no user saw, and that haproxy does not count as a 5xx."""
    number = {name: int(row[name] or 0) for name in ("weight", "scur", "lbtot", "wretr", "hrsp_5xx")}
    failures, up = number["wretr"] + number["hrsp_5xx"], row["status"].startswith(("UP", "DRAIN", "no check"))
    return ServerStats(number["weight"], number["scur"], number["lbtot"], failures, up)
