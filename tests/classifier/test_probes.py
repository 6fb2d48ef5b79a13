"""Tests of ci/run/probes.py: a driver, a store and a web server of our own, which answer, refuse or keep silent."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from verdict.ci.run import probes


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/store", "s3://bucket/store"),
        ("https://user:word@example.org/a/b?sig=word#word", "https://example.org/a/b"),
        ("ssh://user@example.org:22/srv", "ssh://example.org:22/srv"),
    ],
)
def test_addresses_are_shown_without_credentials(url: str, shown: str) -> None:
    """User, password, query and fragment of an address are left out."""
    assert probes.without_credentials(url) == shown


def fake_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an `nvidia-smi` of our own first in the path."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_drivers_gpus_are_read_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of nvidia-smi is a GPU with its name, driver and memory."""
    fake_smi(tmp_path, "echo 'NVIDIA L4, 580.65.06, 23034 MiB'; echo 'NVIDIA T4, 580.65.06, 15360 MiB'", monkeypatch)
    first, second = probes.driver()["gpus"]
    assert first == {"name": "NVIDIA L4", "driver": "580.65.06", "memory": "23034 MiB"}
    assert second["name"] == "NVIDIA T4"


def test_a_driver_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nvidia-smi says when it has lost its GPU is what we say."""
    fake_smi(tmp_path, "echo 'Failed to initialize NVML: Unknown Error'; exit 255", monkeypatch)
    assert probes.driver() == {"error": "Failed to initialize NVML: Unknown Error"}


def test_a_driver_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that never ends is ended."""
    fake_smi(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr(probes, "DRIVER_SECONDS", 0.3)
    begin = time.monotonic()
    assert "does not answer" in probes.driver()["error"]
    assert time.monotonic() - begin < 20


@pytest.fixture
def dvc_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Makes a DVC repository with one remote; with keys in the environment, so that none of the machine's is used."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id-of-a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def make(url: str, more: str = "") -> Path:
        folder = tmp_path / "clone"
        (folder / ".dvc").mkdir(parents=True)
        config = f"[core]\n    no_scm = true\n    remote = team\n['remote \"team\"']\n    url = {url}\n{more}"
        (folder / ".dvc" / "config").write_text(config, encoding="utf-8")
        return folder

    return make


LISTING = (
    "<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
)
REFUSAL = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@contextmanager
def store(status: int, body: str) -> Iterator[str]:
    """A server that gives every request the same answer, as an S3 store would word it."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_store_that_answers_is_reached(dvc_folder: Callable[[str, str], Path]) -> None:
    """An S3 remote whose bucket is empty is there."""
    with store(200, LISTING) as address:
        folder = dvc_folder("s3://bucket/store", f"    endpointurl = {address}\n")
        found = probes.ask("remote", str(folder), 60)
    assert found == {"name": "team", "url": "s3://bucket/store", "folder": False, "there": True}


def test_a_store_that_refuses_says_so_and_no_key_is_printed(dvc_folder: Callable[[str, str], Path]) -> None:
    """A refused key is an error with the store's own words, without the key."""
    with store(403, REFUSAL) as address:
        keys = "    access_key_id = an-id\n    secret_access_key = very-secret\n"
        folder = dvc_folder("s3://bucket/store", f"    endpointurl = {address}\n{keys}")
        found = probes.ask("remote", str(folder), 60)
    assert "denied" in found["error"].lower()
    assert "there" not in found
    assert "very-secret" not in json.dumps(found)


def test_a_store_that_is_silent_is_not_waited_for(dvc_folder: Callable[[str, str], Path]) -> None:
    """A server that takes the connection and says nothing is given up after the limit, and is still named."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        more = f"    endpointurl = http://127.0.0.1:{silent.getsockname()[1]}\n"
        begin = time.monotonic()
        found = probes.ask("remote", str(dvc_folder("s3://bucket/store", more)), 8)
        assert time.monotonic() - begin < 20
    assert found["error"] == "no answer within 8 s"
    assert found["url"] == "s3://bucket/store"


@pytest.mark.parametrize(("status", "reached"), [(200, True), (404, True), (401, False), (500, False)])
def test_a_web_server_is_reached_when_it_answers(
    dvc_folder: Callable[[str, str], Path], status: int, reached: bool
) -> None:
    """A remote over HTTP has no page at its top: a 404 is an answer, a refusal or a fault of the server is none."""
    with store(status, "") as address:
        found = probes.ask("remote", str(dvc_folder(f"{address}/store", "")), 60)
    assert ("there" in found, "error" in found) == (reached, not reached)


def test_an_address_with_a_password_is_shown_without_it(dvc_folder: Callable[[str, str], Path]) -> None:
    """Neither the address nor what the library says about it holds the password."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # closed again below, so that nobody listens there
    found = probes.ask("remote", str(dvc_folder(f"http://user:very-secret@127.0.0.1:{port}/store", "")), 60)
    assert found["url"] == f"http://127.0.0.1:{port}/store"
    assert "error" in found
    assert "very-secret" not in json.dumps(found)


def test_a_probe_that_dies_says_its_last_words() -> None:
    """A process that ends with an error leaves its last line as the reason, and no traceback."""
    found = probes.ask("remote", "/no/such/folder", 60)
    assert list(found) == ["error"]
    assert "Traceback" not in found["error"]
    assert len(found["error"].splitlines()) == 1
