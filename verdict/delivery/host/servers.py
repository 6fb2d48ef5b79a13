"""Servers as processes, for a machine without a container engine; the interface is that of Containers."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import psutil
from pydantic import Field, TypeAdapter

from verdict.base.errors import VerdictError
from verdict.delivery.host.state import Release

RELEASE: TypeAdapter[Release | None] = TypeAdapter(Release | None)
Port = Annotated[int, Field(ge=1, le=65535)]
SERVE = (sys.executable, "-I", "-m", "verdict", "serve")


class Ports(NamedTuple):
    """The ports of a slot on 127.0.0.1, for users and for Prometheus."""

    users: Port
    metrics: Port


@dataclass(frozen=True)
class Running:
    """The server in a slot.

    Args:
        release: that it serves.
        beside: the release whose artifact it compares.
        alive: whether it runs, or has ended by itself.
        start: identifies this start of it: after another one its counts begin at 0.
    """

    release: Release
    beside: Release | None
    alive: bool
    start: str


@dataclass(frozen=True)
class Processes:
    """Server processes of this environment, which go on when the guard ends; an `image` is the folder of an artifact.

    Args:
        ports: of each slot.
        folder: holds a file about the process of each slot.
        program: the command that serves.
        receipt_key: file of the key that all of them sign receipts with.
    """

    ports: dict[str, Ports]
    folder: Path
    program: tuple[str, ...] = SERVE
    receipt_key: Path | None = None

    def running(self, slot: str) -> Running | None:
        """The server in a slot; None where there is none."""
        path = self._file(slot)
        try:
            entry = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:  # half-written, so the process is not known
            raise VerdictError(str(path), "damaged", f"end what serves in slot {slot}, and rm {path}") from None
        release, beside = (RELEASE.validate_python(entry[name]) for name in ("release", "beside"))
        if release is None:
            raise VerdictError(slot, "no release", f"rm {path}")
        process = _process(entry["pid"], entry["started"])
        return Running(release, beside, process is not None, f"{entry['pid']} {entry['started']}")

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a server in a session of its own, so that it outlives the guard."""
        ports, options = self.ports[slot], {"model": release.image, "release": release.version}
        options |= {"commit": release.commit, "port": str(ports.users), "metrics-port": str(ports.metrics)}
        if beside is not None:
            options["beside"] = beside.image
        if self.receipt_key is not None:
            options["receipt-key"] = str(self.receipt_key.absolute())
        command = [*self.program, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{slot}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        entry = {"pid": process.pid, "started": psutil.Process(process.pid).create_time()}
        entry |= {name: RELEASE.dump_python(value) for name, value in (("release", release), ("beside", beside))}
        partial = self.folder / f"{slot}.partial"
        partial.write_text(json.dumps(entry))
        partial.replace(self._file(slot))

    def stop(self, slot: str) -> None:
        """Kill the server of a slot at once: it gets no requests any more."""
        path = self._file(slot)
        entry = json.loads(path.read_bytes())
        process = _process(entry["pid"], entry["started"])
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        end = time.monotonic() + 5  # its port is free once it has ended, whether or not its parent has noticed
        while _process(entry["pid"], entry["started"]) is not None and time.monotonic() < end:
            time.sleep(0.01)
        path.unlink()

    def _file(self, slot: str) -> Path:
        return self.folder / f"{slot}.json"

    def artifact(self, release: Release) -> Path:
        """The folder of a release's artifact."""
        return Path(release.image)

    def prune(self, needed: set[str], keep: int) -> list[str]:
        """Remove nothing: the folders belong to their owner."""
        return []


def _process(pid: int, started: float) -> psutil.Process | None:
    """The running process with this ID, if it was started then."""
    try:
        process = psutil.Process(pid)
        # The threads of a killed process hold its port until they have ended.
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() < 2
        same = process.create_time() == started and not ended
    except psutil.NoSuchProcess:
        return None
    return process if same else None
