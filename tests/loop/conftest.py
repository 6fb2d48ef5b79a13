"""A released project under traffic, its monitoring, and a GitHub on this machine."""

import http.client
import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyrage
import pytest

from dev import monitor
from tests.conftest import ROOT
from tests.corpus import SIZES, rows
from tests.documents import save
from tests.dvc.delivery.host_harness import HostHarness
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.progress import progress
from tests.relay_process import RELAY_GITHUB_TOKEN
from tests.tiers import need, tier
from tests.workflows import release_fixture, test_retrain, test_sweep
from tests.workflows.conftest import base, copy_of_project
from tests.workflows.in_process import InProcessProject
from tests.workflows.release_fixture import TOKEN, Releases, clone_with_remote, green
from tests.workflows.workflow import STANDINS
from verdict.delivery.host.orders import read_release
from verdict.delivery.host.state import State

__all__ = ["base", "progress"]
_MIN_LABELS = 40


@dataclass
class Users:
    """Threads that send requests at a rate, and known labels back.

    Args:
        port: of the proxy.
        labels: port of the feedback.
        make: gives the next text, and its label if known.
    """

    port: int
    labels: int
    make: Callable[[], tuple[str, str | None]]
    got: dict[int, int] = field(default_factory=dict)
    sent: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask(self, pause: float) -> None:
        """Send requests until stopped."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        back = http.client.HTTPConnection("127.0.0.1", self.labels, timeout=20)
        while not self.stopped.wait(pause):
            text, label = self.make()
            try:
                status, answer = _post(client, "/predict", {"text": text})
            except (OSError, http.client.HTTPException):
                status, client = 0, http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self.got[status] = self.got.get(status, 0) + 1
            if status == 200 and label is not None:
                feedback = {"receipt": answer["receipt"], "label": label, "text": text, "consent": True}
                with suppress(OSError, http.client.HTTPException):
                    self.sent += _post(back, "/feedback", feedback)[0] == 202

    @contextmanager
    def asking(self, threads: int = 3, pause: float = 0.005) -> Iterator["Users"]:
        """Send requests until the block ends."""
        self.stopped.clear()
        asking = [threading.Thread(target=self.ask, args=(pause,)) for _ in range(threads)]
        for thread in asking:
            thread.start()
        try:
            yield self
        finally:
            self.stopped.set()
            for thread in asking:
                thread.join(30)


def _post(client: http.client.HTTPConnection, path: str, body: object) -> tuple[int, Any]:
    client.request("POST", path, json.dumps(body))
    reply = client.getresponse()
    return reply.status, json.loads(reply.read())


def usual(draw: random.Random) -> str:
    """A text like those of the table."""
    return draw.choice(_usual())


@cache
def _usual() -> list[str]:
    return [
        str(row["text"]) for seed in range(9, 14) for domain, size in SIZES.items() for row in rows(domain, size, seed)
    ]


@dataclass
class Loop:
    """The project, its host, and its monitoring."""

    project: InProcessProject
    releases: Releases
    harness: HostHarness
    host: Path
    folder: Path
    ports: dict[str, int]
    identity: Path
    params: Path

    def verdict(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `verdict` on the host."""
        command = [sys.executable, "-I", "-m", "verdict", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def release(self) -> str:
        """Build and register main's tip, as release.yml does after main.yml; return its version."""
        clone = self.releases.clone
        clone.run("git", "fetch", "--quiet", "--tags", "origin")
        clone.run("git", "reset", "--quiet", "--hard", "origin/main")
        clone.run("dvc", "pull", "--quiet", "--allow-missing")
        green(self.project, self.project.origin.sha("main"))
        version = self.releases.release("plan").partition(":")[0]
        self.releases.release("build")
        self.releases.release("register", GITHUB_TOKEN=TOKEN)
        return version

    def deploy(self, version: str, *options: str) -> int:
        """Run `verdict deploy` on the host, whose engine is processes: an image is the folder of an artifact."""
        folder = self.folder / version
        shutil.copytree(self.releases.clone.path / "models", folder)
        file = self.folder / f"{version}.json"
        file.write_text(self.releases.release("show", version))
        release = replace(read_release(file), image=str(folder / "classifier"))
        file.write_text(json.dumps(vars(release)))
        return self.verdict("deploy", version, "--release", str(file), "--host", str(self.host), *options).returncode

    @property
    def state(self) -> State:
        """The guard's last state."""
        return self.harness.store.state.read() or State()

    def dispatches(self, version: str) -> list[dict[str, str]]:
        """The payloads that the relay sent for a release."""
        payloads = [dispatch["client_payload"] for dispatch in self.project.github.dispatches]
        return [payload for payload in payloads if payload["release"] == version]


@contextmanager
def _running(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    """Run `verdict` as a process until the block ends."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "verdict", *arguments], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture(scope="session")
def loop(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """All of the loop, without a release yet."""
    tier("loop")
    for program in (*monitor.PROGRAMS, "wrk"):
        need(program, "apt-get install prometheus prometheus-alertmanager wrk")
    folder = tmp_path_factory.mktemp("loop")
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity").write_text(str(identity))
    consent = {"texts": True, "recipient": str(identity.to_public()), "bucket": str(folder / "texts"), "days": 30}
    with copy_of_project(base, folder) as project, ExitStack() as stack:
        env = release_fixture.install_app(project)
        shutil.copy(STANDINS / "images.py", project.clone.path / "verdict/delivery/images.py")
        set_params(project.clone, "retrain", cooldown_days=0)
        test_retrain.ready(project, _MIN_LABELS)
        test_sweep.install_sweep_app(project)
        project.github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
        clone = clone_with_remote(project, folder / "clone")
        clone.run("dvc", "pull", "--quiet")
        harness = stack.enter_context(HostHarness(folder / "host", clone.path).running_proxy())
        ports = {**monitor.free_ports(monitor.PORTS), "users": harness.port, "haproxy": harness.metrics_port}
        ports |= {"service": harness.ports["a"].metrics}
        params = folder / "params.yaml"
        save(params, {"feedback": consent})
        github = (project.github.url, project.github.name, folder / "github")
        (folder / "github").write_text(RELAY_GITHUB_TOKEN)
        started_here = ("asked", "haproxy", "drift", "feedback")
        stack.enter_context(
            monitor.monitoring_stack(folder, ports, clone.path / "models/classifier", github, without=started_here)
        )
        receipts = ("--receipt-key", f"{folder}/receipts")
        labels = ("--labels", "negative,neutral,positive", "--params", str(params))
        kept = ("--database", f"sqlite:///{folder}/labels.db")
        feedback_ports = (f"--port={ports['labels']}", f"--metrics-port={ports['feedback']}")
        stack.enter_context(_running(folder, "feedback", "feedback", *receipts, *labels, *kept, *feedback_ports))
        services = [f"--from=http://127.0.0.1:{harness.ports[name].metrics}/metrics" for name in ("a", "b")]
        state = ("--floor=0.5", f"--state={folder}/drift.json")
        watch = ("drift", "--watch", f"--port={ports['drift']}", *services, *state)
        stack.enter_context(_running(folder, "drift", *watch))
        host = harness.write_config(
            receipt_key=str(folder / "receipts"), feedback=f"http://127.0.0.1:{ports['feedback']}/metrics"
        )
        stack.enter_context(_running(folder, "guard", "guard", "--host", str(host)))
        yield Loop(
            project,
            Releases(project, Clone(clone.path), env),
            harness,
            host,
            folder,
            ports,
            folder / "identity",
            params,
        )
