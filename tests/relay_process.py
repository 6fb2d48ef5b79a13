"""Run `verdict relay` as a process, and call it as Alertmanager does."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

TOKEN = "alertmanagers-own-token"  # noqa: S105 - known to the tests alone
RELAY_GITHUB_TOKEN = "token-of-the-relay"  # noqa: S105 - known to the tests alone


def alert(fingerprint: str = "ab12", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """An alert as Alertmanager writes it."""
    labels = {"alertname": "Drift", "reason": "drift", "release": "v1.2.0", "kind": "unknown"}
    defaults = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "Too many unknown words", "value": "0.1", "limit": "0.05"},
        "startsAt": "2026-11-26T10:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": fingerprint,
    }
    return {**defaults, **changed}


def webhook(*alerts: object) -> bytes:
    """The body of a call, with all fields that Alertmanager 0.25 sends."""
    group = {"groupKey": '{}:{alertname="Drift"}', "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}}
    head = {"version": "4", "receiver": "relay", "status": "firing", "truncatedAlerts": 0, "externalURL": ""}
    return json.dumps({**head, **group, "alerts": alerts}).encode()


@dataclass(frozen=True)
class RelayProcess:
    """A running relay."""

    process: "subprocess.Popen[str]"
    port: int

    def call(self, body: bytes, path: str = "/alerts", method: str = "POST", token: str | None = TOKEN) -> int:
        """Call once; return the status of the answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                content = error.read()
            status = error.code
        # uvicorn's own text, if too many connections are open.
        assert re.fullmatch(rb'\{"error":"[^\n]+"\}|Service Unavailable', content)
        return status

    def metrics(self) -> dict[str, float]:
        """The relay's counters by name and labels, without their prefix."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name.removeprefix("verdict_relay_"): float(value) for name, value in pairs}


@contextmanager
def relay_process(folder: Path, api: str, repository: str = "owner/verdict", port: int = 0) -> Iterator[RelayProcess]:
    """Run a relay with its files in the folder until the block ends."""
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text(f"{TOKEN}\n")
    if not (folder / "github").exists():
        (folder / "github").write_text(f"{RELAY_GITHUB_TOKEN}\n")
    places = {"--token-file": "token", "--github-token": "github", "--queue": "relay.db"}
    options = [text for name, file in places.items() for text in (name, str(folder / file))]
    command = [sys.executable, "-I", "-m", "verdict", "relay", "--repository", repository, "--api", api, *options]
    with (folder / "errors").open("a") as errors:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1
        )
    try:
        assert process.stdout is not None
        match = re.search(r":(\d+)/alerts$", process.stdout.readline())
        assert match is not None, (folder / "errors").read_text()
        yield RelayProcess(process, int(match[1]))
    finally:
        process.kill()
        process.wait(20)
