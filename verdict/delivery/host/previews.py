"""Previews on their host: for a pull request that asks for one, a process of this code serves the judged artifact.

The artifact is untrusted. Names, kinds and sizes are checked before a byte is read; it is copied, and each byte of the
copy is checked before a process gets it. Nothing in it is executed.
"""

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import load_classifier
from verdict.delivery.host.probe import is_ready, mismatch
from verdict.delivery.host.servers import SERVE, Ports, Processes
from verdict.delivery.host.state import Release

MOST, DAYS = 10, 3.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.(json|safetensors)")
_MOST_FILES = 20
_SECONDS = 60.0
_REMEDY = "the artifact of a run that the judge has judged: docs/delivery.md, Previews"


@dataclass(frozen=True)
class Previews:
    """The previews of a host.

    Args:
        folder: of artifacts and processes.
        port: gives the port of a pull request's preview.
        most_bytes: size limit of an artifact.
        program: the command that serves; it logs each request, so that the log's time is that of the last use.
    """

    folder: Path
    port: Callable[[int], int]
    most_bytes: int = 0
    program: tuple[str, ...] = (*SERVE, "--access-log")

    def start(self, number: int, artifact: Path, commit: str) -> list[int]:
        """Serve an artifact in place of the pull request's former one; return the pull requests whose previews ended.

        Raises:
            VerdictError: the artifact is refused, and the former one is still served; or no server came up with it.
        """
        with self._lock():
            folder, partial = self._artifact(number), self._artifact(number).with_suffix(".partial")
            try:
                copy_artifact(artifact, partial, self.most_bytes)
                load_classifier(partial)
            except VerdictError:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            self._stop(number)
            partial.rename(folder)
            release = Release(f"pr-{number}", str(folder), commit, sha256(folder / "manifest.json"))
            servers = self._servers(number)
            servers.start(_slot(number), release, None)
            try:
                _wait_for(servers, _slot(number), release)
            except VerdictError:
                self._stop(number)
                raise
            return self._end_least_used()

    def stop(self, number: int) -> None:
        """End a preview, and remove its artifact; there may be none."""
        with self._lock():
            self._stop(number)

    def prune(self, wanted: set[int] | None = None) -> list[int]:
        """End previews that are unwanted (None: all are wanted), ended by themselves, or older than three days.

        Returns:
            Their pull requests.
        """
        oldest = time.time() - DAYS * 86_400
        with self._lock():
            serving = self._serving()
            ended = [
                number
                for number in self._numbers()
                if number not in serving
                or (wanted is not None and number not in wanted)
                or self._file(number, "json").stat().st_mtime < oldest
            ]
            for number in ended:
                self._stop(number)
            return ended + self._end_least_used()

    def serving(self) -> dict[int, str]:
        """Return the commits of the pull requests that have a preview."""
        with self._lock():
            return self._serving()

    def _serving(self) -> dict[int, str]:
        servers = {number: self._servers(number).running(_slot(number)) for number in self._numbers()}
        return {number: running.release.commit for number, running in servers.items() if running and running.alive}

    def _end_least_used(self) -> list[int]:
        """End the least recently used previews until `MOST` are left."""
        numbers = sorted(self._numbers(), key=lambda number: self._file(number, "log").stat().st_mtime)
        ended = numbers[: max(0, len(numbers) - MOST)]
        for number in ended:
            self._stop(number)
        return ended

    def _stop(self, number: int) -> None:
        with suppress(FileNotFoundError):
            self._servers(number).stop(_slot(number))
        self._file(number, "log").unlink(missing_ok=True)
        shutil.rmtree(self._artifact(number), ignore_errors=True)

    def _numbers(self) -> list[int]:
        names = (path.stem for path in (self.folder / "processes").glob("pr-*.json"))
        return sorted(int(name.removeprefix("pr-")) for name in names)

    def _servers(self, number: int) -> Processes:
        ports = {_slot(number): Ports(self.port(number), 0)}
        return Processes(ports, self.folder / "processes", self.program)

    def _artifact(self, number: int) -> Path:
        return self.folder / "artifacts" / _slot(number)

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / "processes" / f"{_slot(number)}.{kind}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def copy_artifact(source: Path, target: Path, most_bytes: int) -> None:
    """Copy the files of an artifact, and nothing else, after checking all of them.

    Raises:
        VerdictError: an unknown name, a link, folder or device, too many files, or too many bytes.
    """
    if source.is_symlink() or not source.is_dir():
        raise _refused(source, "not a folder")
    entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    if len(entries) > _MOST_FILES:
        raise _refused(source, f"{len(entries)} files; at most {_MOST_FILES} are taken")
    for entry in entries:
        if not _NAME.fullmatch(entry.name):
            raise _refused(source, f"holds {entry.name[:100]!r}, which is no name that an artifact has")
        if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            raise _refused(source, f"{entry.name} is a link, a folder or a device")
    size = sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    if size > most_bytes:
        raise _refused(source, f"{size / 1e6:,.0f} MB; at most {most_bytes / 1e6:,.0f} MB are taken")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for entry in entries:
        shutil.copyfile(entry.path, target / entry.name)


def _wait_for(servers: Processes, slot: str, release: Release) -> None:
    """Wait until a server answers as this release; `VerdictError` when it ends, or another program has its port."""
    end, port = time.monotonic() + _SECONDS, servers.ports[slot].users
    while time.monotonic() < end and (running := servers.running(slot)) and running.alive:
        if is_ready(port):
            if problem := mismatch(port, release):
                raise VerdictError(slot, f"on port {port} {problem}", "what else listens there?")
            return
        time.sleep(0.05)
    log = (servers.folder / f"{slot}.log").read_text(encoding="utf-8", errors="replace")
    output = " ".join(log.split()[-40:]) or "nothing"
    raise VerdictError(slot, f"no server came up; it said: {output[:400]}", "verdict serve --model says more")


def _slot(number: int) -> str:
    return f"pr-{number}"


def _refused(source: Path, what: str) -> VerdictError:
    return VerdictError(str(source), what, _REMEDY)
