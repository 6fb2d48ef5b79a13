"""haproxy through its admin socket: weights, and what it counted. No reload, no configuration is written."""

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
    """What haproxy says of a server.

    Args:
        weight: its share, 0 to 256.
        working: requests that are being answered.
        requests: that were given to it, each attempt counted.
        failures: of these, attempts that were made elsewhere again, and answers of 500 and above that reached a user.
        up: whether it would send requests there, as far as its own checks go.
    """

    weight: int
    working: int
    requests: int
    failures: int
    up: bool = True


@dataclass(frozen=True)
class Proxy:
    """A running haproxy.

    Args:
        path: of its socket (`stats socket PATH level admin`).
        backend: the name of the backend.
        servers: the names of the places, each that of a server.
    """

    path: Path
    backend: str
    servers: tuple[str, ...]

    def stats(self) -> dict[str, ServerStats]:
        """What it says of each server; `VerdictError` when it does not answer, or has no such server."""
        rows = csv.DictReader(io.StringIO(self._command("show stat").removeprefix("# ")))
        found = {row["svname"]: _line(row) for row in rows if row["pxname"] == self.backend}
        if lacking := [name for name in self.servers if name not in found]:
            what = f"haproxy has no server {lacking[0]} in a backend {self.backend}"
            raise VerdictError(
                str(self.path), what, "the names of host.toml in its configuration, as haproxy.cfg has them"
            )
        return {name: found[name] for name in self.servers}

    def weigh(self, server: str, weight: int) -> None:
        """Give a server its share of new requests."""
        said = self._command(f"set weight {self.backend}/{server} {weight}").strip()
        if said:
            raise VerdictError(str(self.path), f"haproxy: {said}", f"a server {server} in backend {self.backend}")

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


def _line(row: dict[str, str]) -> ServerStats:
    """Retries are failures that no user saw: where all are retried, the count of 5xx stays 0."""
    number = {name: int(row[name] or 0) for name in ("weight", "scur", "lbtot", "wretr", "hrsp_5xx")}
    failures, up = number["wretr"] + number["hrsp_5xx"], row["status"].startswith(("UP", "DRAIN", "no check"))
    return ServerStats(number["weight"], number["scur"], number["lbtot"], failures, up)
