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
from tests.dvc.delivery.stage import Stand, Users, until
from tests.shared import once
from tests.tiers import VARIABLE
from tests.unit.stages.runs import build
from verdict.cli import main
from verdict.delivery.host.state import Release, Stage, State

# All of them in the tier of its own: `make delivery`.
KILLS = 20 if os.environ.get(VARIABLE) == "delivery" else 4


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A host with a proxy, on which nothing serves yet."""
    model = once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"
    with Stand(tmp_path_factory.mktemp("guarded"), model).proxied() as found:
        found.described()
        yield found


@contextmanager
def guarded(stand: Stand) -> Iterator[subprocess.Popen[bytes]]:
    """A guard as a process; it is killed at the end."""
    command = [sys.executable, "-I", "-m", "verdict", "guard", "--host", str(stand.folder / "host.toml")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def command(stand: Stand, *arguments: str) -> int:
    """A command on this host."""
    return main([*arguments, "--host", str(stand.folder / "host.toml")])


def deploy(stand: Stand, release: Release, *options: str) -> int:
    """`verdict deploy` of a release file."""
    path = stand.folder / f"{release.version}.json"
    path.write_text(json.dumps(asdict(release)))
    return command(stand, "deploy", release.version, "--release", str(path), *options)


def at_rest(stand: Stand) -> bool:
    """Whether nothing is tried any more; what served before may stand by."""
    running, known = stand.servers.running("canary"), state(stand)
    return running is None or (known.stage == Stage.WATCHED and running.release == known.previous)


def state(stand: Stand) -> State:
    """What the guard wrote last."""
    return stand.store.state.read() or State()


def test_a_guard_that_is_killed_again_and_again_ends_where_it_must(stand: Stand) -> None:
    """Killed at random moments, with a release asked for each time: all answers are 200, and one release is left."""
    draw = random.Random(0)
    with guarded(stand):
        assert deploy(stand, stand.release("v1.0.0")) == 0
    with Users(stand.port, threads=3).asking() as users:
        for number in range(KILLS):
            options = ["--force", "a test"] if number % 2 else []
            with guarded(stand):
                deploy(stand, stand.release(f"v1.{number + 1}.0"), "--no-wait", *options)
                time.sleep(draw.uniform(0, 5))
        with guarded(stand):
            until(lambda: state(stand).stage in (Stage.SETTLED, Stage.WATCHED) and stand.store.order.read() is None)
            until(lambda: command(stand, "deploy", "status") == 0 and at_rest(stand))
    serves = state(stand).stable
    assert serves is not None
    assert set(users.got) == {200}
    running = [stand.servers.running(name) for name in ("a", "b")]
    assert {one.release for one in running if one} == {serves}


def test_rollback_by_hand_and_what_is_told(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """The release before serves again; a second time there is none; the log says who and why."""
    with guarded(stand):
        for version in ("v1.99.0", "v2.0.0"):
            assert deploy(stand, stand.release(version), "--force", "a fix for all") == 0
        before = state(stand).previous
        assert command(stand, "rollback", "--why", "wrong labels") == 0
        assert state(stand).stable == before
        assert command(stand, "rollback") == 1
    out = capsys.readouterr().out
    assert "v2.0.0 serves" in out
    assert "last: rolled back: wrong labels" in out
    assert "nothing served before" in out
    events = stand.store.events(100)
    assert any(event.get("why") == "wrong labels" for event in events)
    assert any(event["what"] == "smoke" and event.get("version") == "v2.0.0" for event in events)


def test_the_status_names_what_differs(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that somebody ended, or started by hand, is not what the state says: exit code 1."""
    with guarded(stand):
        assert deploy(stand, stand.release("v8.0.0"), "--force", "something serves") == 0
    stand.servers.stop("a")
    assert command(stand, "deploy", "status") == 1
    assert "differs: a has nothing" in capsys.readouterr().out
    stand.servers.start("a", stand.release("v9.0.0"), None)
    assert command(stand, "deploy", "status", "--json") == 1
    assert json.loads(capsys.readouterr().out)["places"]["a"]["version"] == "v9.0.0"
    with guarded(stand):
        until(lambda: command(stand, "deploy", "status") == 0)


def test_bad_requests_are_refused_with_a_remedy(
    stand: Stand, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Another environment, a file of another version, a missing or damaged file, a host that is not described."""
    release = stand.release("v3.0.0")
    assert deploy(stand, release, "--to", "staging") == 1
    assert "this host is production" in capsys.readouterr().err
    path = stand.folder / "v3.0.0.json"
    for version, content, told in [
        ("v4.0.0", path.read_text(), "is v3.0.0"),
        ("v3.0.0", "{}", "version: Field required"),
    ]:
        file = tmp_path / f"{told}.json"
        file.write_text(content)
        assert command(stand, "deploy", version, "--release", str(file)) == 1
        assert told in capsys.readouterr().err
    assert main(["deploy", "status", "--host", str(tmp_path / "none.toml")]) == 1
    assert "no such file: it says what serves on this host" in capsys.readouterr().err
    (tmp_path / "host.toml").write_text('environment = "production"\nwhat = 1\n')
    assert main(["guard", "--host", str(tmp_path / "host.toml")]) == 1
    with guarded(stand):
        until(lambda: held(stand.store.folder / "lock"))
        assert command(stand, "guard") == 1
    assert "another guard runs here" in capsys.readouterr().err


def held(path: Path) -> bool:
    """Whether somebody has locked a file."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
