"""The places for servers: containers by digest, or processes where there is no engine."""

import json
import shutil
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

_RELEASE: TypeAdapter[Release | None] = TypeAdapter(Release | None)
# An image pulled for the first time, over a slow line; whatever else is asked of an engine.
_SECONDS, _SOON = 600.0, 20.0
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
class Containers:
    """Containers of podman or docker: read-only, without rights, by digest.

    Args:
        engine: the program.
        ports: of each place.
        folder: where artifacts of images are kept.
        options: more of `run`, such as `--network`.
        receipt_key: what all of them sign receipts with.
    """

    engine: str
    ports: dict[str, Ports]
    folder: Path
    options: tuple[str, ...] = ()
    receipt_key: Path | None = None

    def running(self, slot: str) -> Running | None:
        """What stands there."""
        done = self._run("inspect", "--type", "container", _name(slot), check=False)
        if done.returncode:
            return None
        (told,) = json.loads(done.stdout)
        labels = told["Config"]["Labels"]
        release, beside = (_RELEASE.validate_json(labels[f"verdict.host.{name}"]) for name in ("release", "beside"))
        if release is None:
            raise VerdictError(_name(slot), "a container that no guard started", f"{self.engine} rm -f {_name(slot)}")
        return Running(release, beside, told["State"]["Running"], told["Id"])

    def start(self, slot: str, release: Release, beside: Release | None) -> None:
        """Start a container; the artifact beside is mounted read-only."""
        _require_digest(release)
        ports, labels = self.ports[slot], {"release": release, "beside": beside}
        command = ["run", "--detach", "--name", _name(slot), "--read-only", "--tmpfs", "/tmp:size=16m"]  # noqa: S108
        command += ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "64", *self.options]
        command += ["-p", f"127.0.0.1:{ports.users}:8000", "-p", f"127.0.0.1:{ports.metrics}:8001"]
        for name, value in labels.items():
            command += ["--label", f"verdict.host.{name}={_RELEASE.dump_json(value).decode()}"]
        given = {"beside": self.artifact(beside) if beside else None, "receipt-key": self.receipt_key}
        mounted = {name: path.absolute() for name, path in given.items() if path is not None}
        command += [part for name, path in mounted.items() for part in ("--volume", f"{path}:/{name}:ro")]
        self._run(*command, release.image, *(f"--{name}=/{name}" for name in mounted))

    def stop(self, slot: str) -> None:
        """Kill and remove the container."""
        self._run("kill", _name(slot), check=False)  # of one that has ended there is nothing to kill
        self._run("rm", "--force", _name(slot))

    def artifact(self, release: Release) -> Path:
        """Copied out of the image once; the name is the hash that the smoke test compares."""
        _require_digest(release)
        folder = self.folder / release.artifact
        if not folder.is_dir():
            partial, container = folder.with_suffix(".partial"), f"verdict-copy-{release.artifact[:12]}"
            shutil.rmtree(partial, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run("rm", "--force", container, check=False)
            self._run("create", "--name", container, release.image)
            self._run("cp", f"{container}:/app/models/classifier", str(partial))
            self._run("rm", "--force", container)
            partial.rename(folder)
        return folder

    def prune(self, needed: set[str], keep: int) -> list[str]:
        """Of images with the label of a release, and with them the copies of artifacts that no image is left of."""
        done = self._run("images", "--filter", "label=verdict.artifact", "--no-trunc", "--quiet")
        found = [json.loads(self._run("inspect", "--type", "image", one).stdout)[0] for one in set(done.stdout.split())]
        found.sort(key=lambda one: one["Created"], reverse=True)
        removed = [one for one in found[keep:] if not needed.intersection(one["RepoDigests"])]
        for one in removed:
            self._run("rmi", one["Id"])
        left = {one["Config"]["Labels"]["verdict.artifact"] for one in found if one not in removed}
        for copy in self.folder.glob("*"):
            if copy.name not in left:
                shutil.rmtree(copy)
        return [one["RepoDigests"][0] if one["RepoDigests"] else one["Id"] for one in removed]

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        seconds = _SECONDS if command[0] in ("run", "create", "cp") else _SOON
        try:
            done = subprocess.run([self.engine, *command], capture_output=True, text=True, check=False, timeout=seconds)
        except (OSError, subprocess.TimeoutExpired) as error:
            what = f"cannot be run: {error}"
            raise VerdictError(self.engine, what, f"`{self.engine} ps` by hand; else install it") from None
        if check and done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise VerdictError(f"{self.engine} {command[0]}", said[-1], "the same command by hand says more")
        return done


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
        release, beside = (_RELEASE.validate_python(told[name]) for name in ("release", "beside"))
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
        told |= {name: _RELEASE.dump_python(value) for name, value in (("release", release), ("beside", beside))}
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


def _name(slot: str) -> str:
    return f"verdict-{slot}"


def _require_digest(release: Release) -> None:
    if "@sha256:" not in release.image:
        remedy = "a release of `verdict release list`: it names its image by digest"
        raise VerdictError(release.image, "an image that is not named by digest can be another one tomorrow", remedy)
