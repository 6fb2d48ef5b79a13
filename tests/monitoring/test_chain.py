"""The real chain: metrics, Prometheus, Alertmanager, relay, and the tests' GitHub; with the files that a host has."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

from dev import dashboard, monitor
from tests.conftest import ROOT
from tests.monitoring.fake_metrics import RELEASE, FakeMetrics
from tests.relay_process import RELAY_GITHUB_TOKEN
from tests.tiers import need, tier
from tests.unit.serving.artifacts import artifact
from tests.waiting import wait_until
from tests.workflows.github import GitHub

QUERIES = [query for _, _, queries in dashboard.PANELS for query in queries]


@dataclass(frozen=True)
class MonitoringChain:
    """All processes, and what the test plays."""

    github: GitHub
    fake_metrics: FakeMetrics
    ports: dict[str, int]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The answer of Prometheus."""
        url = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/query?{urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def dispatched(self, reason: str) -> list[dict[str, str]]:
        """The payloads that GitHub got for a reason."""
        payloads = [one["client_payload"] for one in self.github.dispatches]
        return [one for one in payloads if one["reason"] == reason]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact that answers something."""
    return artifact(tmp_path_factory.mktemp("model") / "classifier")


@pytest.fixture(scope="module")
def chain(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoringChain]:
    """The watch of a host, under load."""
    tier("monitor")
    for program in monitor.PROGRAMS:
        need(program, "apt-get install prometheus prometheus-alertmanager")
    folder, ports, stopped = tmp_path_factory.mktemp("watch"), monitor.free_ports(monitor.PORTS), threading.Event()
    (folder / "github").write_text(RELAY_GITHUB_TOKEN)
    faked = ("drift", "feedback")
    with GitHub(folder, folder) as github, FakeMetrics().on(ports["drift"], ports["feedback"]) as metrics:
        github.token(RELAY_GITHUB_TOKEN, {"contents": "write"})
        told = (github.url, github.name, folder / "github")
        with monitor.monitoring_stack(folder, ports, model, told, without=faked):
            load = threading.Thread(
                target=monitor.ask_repeatedly, args=(ports["users"], ["a good lamp", "bad"], stopped, 0.01)
            )
            load.start()
            yield MonitoringChain(github, metrics, ports)
            stopped.set()
            load.join(20)
        assert github.violations == []


def test_all_targets_answer(chain: MonitoringChain) -> None:
    """Prometheus reads everything that targets.yml names, and knows Alertmanager by the same file."""
    jobs = {"service", "haproxy", "feedback", "drift", "relay", "prometheus", "alertmanager"}
    wait_until(lambda: {one["metric"]["job"] for one in chain.query("up == 1")} == jobs, 90)
    assert [one["value"][1] for one in chain.query("prometheus_notifications_alertmanagers_discovered")] == ["1"]
    assert chain.query("up == 0") == []


def test_drift_is_dispatched(chain: MonitoringChain) -> None:
    """Two windows in a row reach GitHub within a minute, with value and limit, and once; one does not."""
    wait_until(lambda: len(chain.query("verdict_drift_in_a_row == 1")) == 5, 90)
    chain.fake_metrics.in_a_row.labels(RELEASE, "unknown").set(2)
    begun = time.monotonic()
    wait_until(lambda: chain.dispatched("drift"), 60)
    print(f"from the metric to the dispatch: {time.monotonic() - begun:.1f} s")
    chain.fake_metrics.in_a_row.labels(RELEASE, "unknown").set(3)
    (payload,) = chain.dispatched("drift")
    assert payload.pop("key").endswith(payload.pop("since"))
    assert payload == {
        **{"alert": "Drift", "reason": "drift", "release": RELEASE, "kind": "unknown", "value": "0.125"},
        **{"limit": "0.0625", "told": f"Drift of kind unknown in release {RELEASE}: 2 windows in a row"},
    }


def test_degradation_is_dispatched_when_github_is_back(chain: MonitoringChain) -> None:
    """A live accuracy that is surely too low reaches GitHub, after two failures of GitHub, once."""
    chain.github.fail("POST", "/dispatches", 502, times=2)
    chain.fake_metrics.live(0.5)
    begun = time.monotonic()
    wait_until(lambda: chain.dispatched("degradation"), 180)
    print(f"from the metric to the dispatch, a minute of `for` included: {time.monotonic() - begun:.1f} s")
    (payload,) = chain.dispatched("degradation")
    given = {name: payload[name] for name in ("alert", "release", "kind", "value", "limit")}
    assert given == {"alert": "LiveAccuracyLow", "release": RELEASE, "kind": "", "value": "0.52", "limit": "0.71"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_has_points(chain: MonitoringChain, query: str) -> None:
    """The queries of the dashboard's panels have numeric answers after some load."""

    def finite() -> bool:
        return any(one["value"][1] not in ("NaN", "+Inf", "-Inf") for one in chain.query(query))

    wait_until(finite, 120)


def test_only_what_shall_retrain_went_to_the_relay(chain: MonitoringChain) -> None:
    """The relay got the two alerts and nothing that is for people; each went to GitHub once."""
    wait_until(lambda: chain.query("verdict_relay_delivered_total == 2"), 60)
    assert chain.query('verdict_relay_ignored_total{reason!="known"} > 0') == []
    assert len(chain.github.dispatches) == 2
    assert chain.query("verdict_relay_waiting")[0]["value"][1] == "0"


def test_it_starts_and_ends_by_one_command(model: Path) -> None:
    """`make monitor` prints where everything is; Ctrl-C ends all that it started, by itself."""
    tier("monitor")
    command = [sys.executable, "-m", "dev.monitor", "--free", "--model", str(model)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        lines = list(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
        assert [line.split()[0] for line in lines[:4]] == ["service", "prometheus", "alertmanager", "relay"]
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 5
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert [child.pid for child in children if child.is_running()] == []
    finally:
        process.kill()
        process.wait(20)


def test_a_missing_program_is_told() -> None:
    """If apt's programs are missing, the command names them, and how to get them."""
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    command = [sys.executable, "-m", "dev.monitor", "--free"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends prometheus prometheus-alertmanager" in done.stderr
