"""The places for servers, and processes for a machine where there is no engine."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
from pydantic import TypeAdapter

from verdict.base.errors import VerdictError
from verdict.delivery.host.state import Release

RELEASE: TypeAdapter[Release | None] = TypeAdapter(Release | None)
SERVE = (sys.executable, "-I", "-m", "verdict", "serve")


@dataclass(frozen=True)
class Ports:
    """Where a place answers users, and Prometheus; on 127.0.0.1."""

    users: int
    metrics: int


@dataclass(frozen=True)
class Running:
    """What stands in a place.

    Args:
        release: what it is.
        beside: the artifact that it compares.
        alive: whether it runs, or has ended by itself.
        start: which start this is: another one counts from 0.
    """

    release: Release
    beside: Release | None
    alive: bool
    start: str


class Servers(Protocol):
    """Starts and stops what stands in a place. What it started goes on when the guard ends."""

    def running(self, slot: str) -> Running | None:
        """What stands there."""
        ...

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a release; `VerdictError` when that cannot be."""
        ...

    def stop(self, slot: str) -> None:
        """End what stands there: at once, since no request is sent there any more."""
        ...

    def artifact(self, release: Release) -> Path:
        """The folder of a release's artifact, from its image."""
        ...

    def prune(self, needed: set[str], keep: int) -> list[str]:
        """Remove images but for those needed, and the newest; the names of those removed."""
        ...


@dataclass(frozen=True)
class Processes:
    """Processes of this environment, for a machine without an engine: an `image` is the folder of an artifact.

    Args:
        ports: of each place.
        folder: where it keeps which process stands in which place.
        program: what serves.
        receipt_key: what all of them sign receipts with.
    """

    ports: dict[str, Ports]
    folder: Path
    program: tuple[str, ...] = SERVE
    receipt_key: Path | None = None

    def running(self, slot: str) -> Running | None:
        """What stands there."""
        try:
            told = json.loads((self.folder / f"{slot}.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:  # half-written: which process it is, nobody knows
            path = self.folder / f"{slot}.json"
            raise VerdictError(str(path), "damaged", f"end what serves in place {slot}, and rm {path}") from None
        release, beside = (RELEASE.validate_python(told[name]) for name in ("release", "beside"))
        if release is None:
            raise VerdictError(slot, "no release", f"rm {self.folder / slot}.json")
        process = _process(told["pid"], told["started"])
        return Running(release, beside, process is not None, f"{told['pid']} {told['started']}")

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a process of its own session, so that it outlives the guard."""
        ports, given = self.ports[slot], {"model": release.image, "release": release.version, "commit": release.commit}
        given |= {"port": str(ports.users), "metrics-port": str(ports.metrics)}
        given |= {"beside": beside.image} if beside is not None else {}
        given |= {"receipt-key": str(self.receipt_key.absolute())} if self.receipt_key is not None else {}
        command = [*self.program, *(part for name, value in given.items() for part in (f"--{name}", value))]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{slot}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        told = {"pid": process.pid, "started": psutil.Process(process.pid).create_time()}
        told |= {name: RELEASE.dump_python(value) for name, value in (("release", release), ("beside", beside))}
        partial = self.folder / f"{slot}.partial"
        partial.write_text(json.dumps(told))
        partial.replace(self.folder / f"{slot}.json")

    def stop(self, slot: str) -> None:
        """Kill the process, if it is still that one."""
        told = json.loads((path := self.folder / f"{slot}.json").read_bytes())
        process = _process(told["pid"], told["started"])
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        end = time.monotonic() + 5  # its port is free once it has ended, whether or not its parent has noticed
        while _process(told["pid"], told["started"]) is not None and time.monotonic() < end:
            time.sleep(0.01)
        path.unlink()

    def artifact(self, release: Release) -> Path:
        """The folder itself."""
        return Path(release.image)

    def prune(self, needed: set[str], keep: int) -> list[str]:
        """Folders are their owner's."""
        return []


def _process(pid: int, started: float) -> psutil.Process | None:
    """A process that runs, and is the one that was started then."""
    try:
        process = psutil.Process(pid)
        # Of a process that was killed, threads that are not over yet hold its port.
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() < 2
        same = process.create_time() == started and not ended
    except psutil.NoSuchProcess:
        return None
    return process if same else None
