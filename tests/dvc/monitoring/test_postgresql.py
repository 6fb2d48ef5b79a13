"""Tests of `verdict feedback` with counts in a real PostgreSQL, of Debian's or Ubuntu's package, on 127.0.0.1."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import pytest

from tests.dvc.monitoring.feedback_process import expected, feedback_process, labels, post_all
from tests.ports import free_port
from tests.tiers import VARIABLE, need

POSTS = 10_000 if os.environ.get(VARIABLE) == "feedback" else 1_000
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass(frozen=True)
class Server:
    """A server of its own.

    Args:
        folder: its data, its socket, its log.
        port: of 127.0.0.1.
        user: under which it runs: it refuses to be root's.
    """

    folder: Path
    port: int
    user: int | None

    @property
    def url(self) -> str:
        """The value for `--database`."""
        return f"postgresql://verdict@127.0.0.1:{self.port}/postgres"

    def run(self, *command: str) -> None:
        """Run one of its programs, such as initdb."""
        program, *options = command
        path = _PROGRAMS[-1] / program
        with (self.folder / "log").open("a") as log:
            told = {"stdout": log, "stderr": log, "user": self.user}
            subprocess.run([path, "-D", str(self.folder / "data"), *options], cwd=self.folder, check=True, **told)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.run("pg_ctl", "-w", "-o", f"-p {self.port} -k {self.folder} -h 127.0.0.1", "start")

    def stop(self) -> None:
        """End it as a crash does: nothing is put in order."""
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that runs, with an empty database."""
    if not _PROGRAMS:
        need("initdb", "apt-get install postgresql")
    user = 65534 if os.getuid() == 0 else None
    with TemporaryDirectory(prefix="verdict-pg-") as name:  # a socket's path is short
        folder = Path(name)
        if user is not None:
            os.chown(folder, user, -1)
        found = free_port()
        server = Server(folder, found, user)
        server.run("initdb", "-A", "trust", "-U", "verdict")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def test_several_processes_count_exactly(server: Server, tmp_path: Path) -> None:
    """Started at once on an empty database, with each label posted twice: all 202, and each counts once."""
    bodies = labels(POSTS)
    with ExitStack() as stack:
        running = [stack.enter_context(feedback_process(tmp_path, server.url)) for _ in range(3)]
        assert set(post_all([one.port for one in running], [*bodies, *reversed(bodies)])) == {202}
        assert [one.counts() for one in running] == [expected(POSTS)] * 3


def test_a_server_that_crashes_is_told_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    """Gone in the middle of the posts: 503 until it is back, by itself; what was answered is there, once."""
    bodies = labels(POSTS)
    with feedback_process(tmp_path, server.url) as one, feedback_process(tmp_path, server.url) as other:
        crash = Timer(0.2, server.stop)
        crash.start()
        statuses = post_all([one.port, other.port], bodies, 8)
        crash.join()
        assert set(statuses) == {202, 503}
        assert "verdict_feedback_database_up 0.0" in one.metrics_text()
        server.start()
        end = time.monotonic() + 30
        while one.post(bodies[0]) != 202:
            assert time.monotonic() < end
        assert sum(one.counts().values()) >= statuses.count(202)
        assert set(post_all([other.port, one.port], bodies, 8)) == {202}
        assert one.counts() == other.counts() == expected(POSTS)


def test_a_server_that_is_not_there_yet_keeps_nobody_from_starting(server: Server, tmp_path: Path) -> None:
    """The process starts without the database, reports that to Prometheus, and counts once it is there."""
    server.stop()
    try:
        with feedback_process(tmp_path, server.url) as running:
            (body,) = labels(1)
            assert running.post(body) == 503
            server.start()
            assert running.post(body) == 202
            assert running.counts() == expected(1)
    finally:
        if not (server.folder / "data/postmaster.pid").exists():
            server.start()
