"""The relay as a process: who may call, what it survives, and that GitHub hears of each alert once."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.relay_process import RELAY_GITHUB_TOKEN, TOKEN, RelayProcess, alert, relay_process, webhook
from tests.waiting import wait_until
from tests.workflows.github import GitHub

HEAD = f"POST /alerts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"


@pytest.fixture
def relay(github: GitHub, tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay that may dispatch at the tests' GitHub."""
    github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
    with relay_process(tmp_path / "relay", github.url) as made:
        yield made


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """A relay without a GitHub, for calls that it refuses."""
    with relay_process(tmp_path_factory.mktemp("relay") / "relay", "http://127.0.0.1:9") as made:
        yield made


def keys(github: GitHub) -> list[str]:
    """The fingerprints that were dispatched."""
    return [one["client_payload"]["key"].partition("-")[0] for one in github.dispatches]


def raw(relay: RelayProcess, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes; return the answer's bytes."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=30) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            return connection.recv(65_536)
        except OSError:
            return b""


def test_an_alert_is_dispatched_once(relay: RelayProcess, github: GitHub) -> None:
    """A firing alert is dispatched; repeated, resolved and foreign ones are only counted."""
    foreign = alert("f0", labels={"alertname": "Down"})
    for _ in range(3):
        assert relay.call(webhook(alert("a1"), alert("a2"), alert("a3", status="resolved"), foreign)) == 200
    wait_until(lambda: len(github.dispatches) == 2)
    assert [one["event_type"] for one in github.dispatches] == ["retrain", "retrain"]
    payload = github.dispatches[0]["client_payload"]
    assert list(payload) == ["alert", "reason", "release", "kind", "value", "limit", "since", "told", "key"]
    later = alert("a1", startsAt="2026-11-27T10:00:00Z")
    assert relay.call(webhook(later)) == 200
    wait_until(lambda: len(github.dispatches) == 3)
    wait_until(lambda: relay.metrics()["waiting"] == 0)
    found = relay.metrics()
    assert (found["received_total"], found["delivered_total"]) == (13, 3)
    ignored = {name: found[f'ignored_total{{reason="{name}"}}'] for name in ("resolved", "foreign", "known")}
    assert ignored == {"resolved": 3, "foreign": 3, "known": 4}
    assert time.time() - found["last_success_timestamp_seconds"] < 600


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (webhook(alert()), {"token": None}, 401),
        (webhook(alert()), {"token": "another-token"}, 401),
        (webhook(alert()), {"token": TOKEN + "x"}, 401),
        (webhook(alert()), {"token": "ü"}, 401),
        (b"", {}, 400),
        (b"no JSON", {}, 400),
        (b"[" * 900_000, {}, 400),
        (b'{"a":' * 150_000, {}, 400),
        (webhook(*[alert()] * 501), {}, 400),
        (webhook(alert()), {"path": "/"}, 404),
        (webhook(alert()), {"path": "/metrics"}, 405),
        *((webhook(alert()), {"method": method}, 405) for method in ("PUT", "DELETE", "PATCH", "GET")),
    ],
    ids=range(15),
)
def test_who_is_not_alertmanager_is_refused(
    lonely: RelayProcess, body: bytes, more: dict[str, Any], status: int
) -> None:
    """No token, another one, another body, path or method: a line of JSON that says what to do, and nothing is kept."""
    assert lonely.call(body, **more) == status
    assert lonely.metrics()["waiting"] == 0


def test_large_and_slow_bodies(relay: RelayProcess, github: GitHub) -> None:
    """10 MB are not read, announced or in pieces; who sends a byte a second is cut off; others are answered."""
    head = HEAD.encode()
    before = _resident(relay)
    sized, chunked = b"Content-Length: 10000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
    assert b"413" in raw(relay, head + sized, b"x" * 1_100_000) or relay.metrics()['refused_total{status="413"}']
    raw(relay, head + chunked, *[b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"] * 10)
    assert relay.metrics()['refused_total{status="413"}'] == 2
    assert _resident(relay) - before < 30_000_000
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(raw, relay, head + b"Content-Length: 100\r\n\r\n", *[b"x"] * 14, pause=1.0)
        silent = pool.submit(raw, relay, b"POST /alerts HT")
        assert relay.call(webhook(alert("a1"))) == 200
        assert slow.result()[9:12] in (b"", b"400")
        assert silent.result()[9:12] == b"408"
    wait_until(lambda: keys(github) == ["a1"])


def _resident(relay: RelayProcess) -> int:
    status = Path(f"/proc/{relay.process.pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_many_connections_keep_nobody_out_for_long(relay: RelayProcess, github: GitHub) -> None:
    """A hundred idle connections are closed; Alertmanager, which retries after a 503, gets through."""
    idle = [socket.create_connection(("127.0.0.1", relay.port)) for _ in range(100)]
    assert relay.call(webhook(alert("a1"))) == 503
    wait_until(lambda: relay.call(webhook(alert("a1"))) == 200)
    for one in idle:
        one.close()
    wait_until(lambda: keys(github) == ["a1"])


def test_thousands_of_alerts(github: GitHub, tmp_path: Path) -> None:
    """While GitHub takes nothing a thousand wait; what is more is refused with a 503, by which it comes again."""
    with relay_process(tmp_path / "relay", github.url) as relay:  # GitHub does not know its token
        calls = [webhook(*(alert(f"{call:x}{number:04x}") for number in range(400))) for call in range(1, 6)]
        assert [relay.call(body) for body in calls] == [200, 200, 503, 503, 503]
        assert relay.metrics()["waiting"] == 800
    # After the first relay was killed: a dispatch that a kill interrupts is sent again.
    github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
    with relay_process(tmp_path / "relay", github.url):
        wait_until(lambda: len(github.dispatches) > 20)
    assert len(set(keys(github))) == len(github.dispatches)


@pytest.mark.parametrize(("status", "headers"), [(502, {}), (0, {}), (403, {}), (429, {"Retry_After": "2"})])
def test_a_github_that_fails_hears_it_later(
    relay: RelayProcess, github: GitHub, status: int, headers: dict[str, str]
) -> None:
    """After an error, a broken connection, a refusal or a limit it is sent again, once."""
    github.fail("POST", "/dispatches", status, 2, **headers)
    assert relay.call(webhook(alert("a1"), alert("a2"))) == 200
    wait_until(lambda: len(github.dispatches) == 2)
    assert sorted(keys(github)) == ["a1", "a2"]
    wait_until(lambda: relay.metrics()["waiting"] == 0)
    assert relay.metrics()[f'failed_total{{status="{status}"}}'] == 2


def test_a_github_that_is_down(github: GitHub, tmp_path: Path) -> None:
    """Undelivered alerts survive the end of the relay, and the next one delivers them."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with relay_process(tmp_path / "relay", address) as relay:
        assert relay.call(webhook(alert("a1"))) == 200
        assert relay.metrics()["waiting"] == 1
        relay.process.send_signal(signal.SIGTERM)
        relay.process.wait(20)
    github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
    with relay_process(tmp_path / "relay", github.url):
        wait_until(lambda: keys(github) == ["a1"])


def test_a_refused_token_is_told_and_can_be_replaced(github: GitHub, tmp_path: Path) -> None:
    """A token that GitHub does not know is in the log's reason, never itself; the file's next one is used at once."""
    with relay_process(tmp_path / "relay", github.url) as relay:
        assert relay.call(webhook(alert("a1"))) == 200
        wait_until(lambda: "401" in (tmp_path / "relay/errors").read_text())
        github.token("the-next-token", {"contents": "write"})
        (tmp_path / "relay/github").write_text("the-next-token")
        wait_until(lambda: keys(github) == ["a1"])
    assert RELAY_GITHUB_TOKEN not in (tmp_path / "relay/errors").read_text()


def test_kill_9_loses_nothing(github: GitHub, tmp_path: Path) -> None:
    """Killed five times in the middle, it has delivered all that it took, at most one of them a kill a second time."""
    github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
    taken: list[str] = []
    for turn in range(5):
        with relay_process(tmp_path / "relay", github.url) as relay:
            killer = threading.Timer(0.05 * turn, relay.process.kill)
            killer.start()
            for number in range(1000):
                fingerprint = f"{turn:x}{number:03x}"
                try:
                    if relay.call(webhook(alert(fingerprint))) == 200:
                        taken.append(fingerprint)
                except (OSError, http.client.HTTPException):
                    break
            killer.join()
    with relay_process(tmp_path / "relay", github.url) as relay:
        wait_until(lambda: relay.metrics()["waiting"] == 0)
    sent = keys(github)
    assert set(taken) <= set(sent)
    assert len(taken) > 0
    assert len(sent) - len(set(sent)) <= 5
    print(json.dumps({"taken": len(taken), "twice": len(sent) - len(set(sent))}))
