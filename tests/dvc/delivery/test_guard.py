"""Tests of `verdict guard`, `deploy`, `rollback` and `deploy status` as a host runs them."""

import fcntl
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.delivery.host_harness import HostHarness, Users
from tests.shared import once
from tests.tiers import VARIABLE
from tests.unit.stages.runs import build
from tests.waiting import wait_until
from verdict.cli import main
from verdict.delivery.host.state import Release, Stage, State

# All of them in the tier of its own: `make delivery`.
KILLS = 20 if os.environ.get(VARIABLE) == "delivery" else 4


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostHarness]:
    """A host with a proxy, on which nothing serves yet."""
    model = once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"
    with HostHarness(tmp_path_factory.mktemp("guarded"), model).running_proxy() as found:
        found.write_config()
        yield found


@contextmanager
def guarded(harness: HostHarness) -> Iterator[subprocess.Popen[bytes]]:
    """A guard as a process; it is killed at the end."""
    command = [sys.executable, "-I", "-m", "verdict", "guard", "--host", str(harness.folder / "host.toml")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def command(harness: HostHarness, *arguments: str) -> int:
    """A command on this host."""
    return main([*arguments, "--host", str(harness.folder / "host.toml")])


def deploy(harness: HostHarness, release: Release, *options: str) -> int:
    """`verdict deploy` of a release file."""
    path = harness.folder / f"{release.version}.json"
    path.write_text(json.dumps(asdict(release)))
    return command(harness, "deploy", release.version, "--release", str(path), *options)


def at_rest(harness: HostHarness) -> bool:
    """Return whether no release is on trial; the previous one may still run."""
    running, known = harness.servers.running("canary"), state(harness)
    return running is None or (known.stage == Stage.WATCHED and running.release == known.previous)


def state(harness: HostHarness) -> State:
    """The guard's last state."""
    return harness.store.state.read() or State()


def test_a_guard_that_is_killed_again_and_again_ends_where_it_must(harness: HostHarness) -> None:
    """Killed at random moments, with a release asked for each time: all answers are 200, and one release is left."""
    draw = random.Random(0)
    with guarded(harness):
        assert deploy(harness, harness.release("v1.0.0")) == 0
    with Users(harness.port, threads=3).asking() as users:
        for number in range(KILLS):
            options = ["--force", "a test"] if number % 2 else []
            with guarded(harness):
                deploy(harness, harness.release(f"v1.{number + 1}.0"), "--no-wait", *options)
                time.sleep(draw.uniform(0, 5))
        with guarded(harness):
            wait_until(
                lambda: state(harness).stage in (Stage.SETTLED, Stage.WATCHED) and harness.store.order.read() is None
            )
            wait_until(lambda: command(harness, "deploy", "status") == 0 and at_rest(harness))
    serves = state(harness).stable
    assert serves is not None
    assert set(users.got) == {200}
    running = [harness.servers.running(name) for name in ("a", "b")]
    assert {one.release for one in running if one} == {serves}


def test_rollback_by_hand_and_what_is_told(harness: HostHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """The release before serves again; a second time there is none; the log says who and why."""
    with guarded(harness):
        for version in ("v1.99.0", "v2.0.0"):
            assert deploy(harness, harness.release(version), "--force", "a fix for all") == 0
        before = state(harness).previous
        assert command(harness, "rollback", "--why", "wrong labels") == 0
        assert state(harness).stable == before
        assert command(harness, "rollback") == 1
    out = capsys.readouterr().out
    assert "v2.0.0 serves" in out
    assert "last: rolled back: wrong labels" in out
    assert "nothing served before" in out
    events = harness.store.events(100)
    assert any(event.get("why") == "wrong labels" for event in events)
    assert any(event["what"] == "smoke" and event.get("version") == "v2.0.0" for event in events)


def test_the_status_names_what_differs(harness: HostHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that was stopped or started by hand differs from the state: exit code 1."""
    with guarded(harness):
        assert deploy(harness, harness.release("v8.0.0"), "--force", "something serves") == 0
    harness.servers.stop("a")
    assert command(harness, "deploy", "status") == 1
    assert "differs: a has nothing" in capsys.readouterr().out
    harness.servers.start("a", harness.release("v9.0.0"), None)
    assert command(harness, "deploy", "status", "--json") == 1
    assert json.loads(capsys.readouterr().out)["places"]["a"]["version"] == "v9.0.0"
    with guarded(harness):
        wait_until(lambda: command(harness, "deploy", "status") == 0)


def test_bad_requests_are_refused_with_a_remedy(
    harness: HostHarness, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Another environment, a file of another version, a missing or damaged file, a host that is not described."""
    release = harness.release("v3.0.0")
    assert deploy(harness, release, "--to", "staging") == 1
    assert "this host is production" in capsys.readouterr().err
    path = harness.folder / "v3.0.0.json"
    for version, content, told in [
        ("v4.0.0", path.read_text(), "is v3.0.0"),
        ("v3.0.0", "{}", "version: Field required"),
    ]:
        file = tmp_path / f"{told}.json"
        file.write_text(content)
        assert command(harness, "deploy", version, "--release", str(file)) == 1
        assert told in capsys.readouterr().err
    assert main(["deploy", "status", "--host", str(tmp_path / "none.toml")]) == 1
    assert "no such file: it says what serves on this host" in capsys.readouterr().err
    (tmp_path / "host.toml").write_text('environment = "production"\nwhat = 1\n')
    assert main(["guard", "--host", str(tmp_path / "host.toml")]) == 1
    with guarded(harness):
        wait_until(lambda: held(harness.store.folder / "lock"))
        assert command(harness, "guard") == 1
    assert "another guard runs here" in capsys.readouterr().err


def held(path: Path) -> bool:
    """Return whether a file is locked."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
