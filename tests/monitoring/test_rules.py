"""Rules and routes: every alert is tried by Prometheus' own test runner, and goes where it should."""

import re
import subprocess
from typing import Any

import pytest

from dev import dashboard
from tests.conftest import ROOT
from tests.documents import load
from tests.tiers import need
from verdict.ci.relay.alerts import REASONS

FOLDER = ROOT / "deploy/monitoring"
ALERTS: list[dict[str, Any]] = [
    rule for group in load(FOLDER / "rules.yml")["groups"] for rule in group["rules"] if "alert" in rule
]
HOW = "apt-get install prometheus prometheus-alertmanager"


def asked(*command: object) -> str:
    """Run a program that must succeed; return its output."""
    need(str(command[0]), HOW)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_its_files() -> None:
    """Promtool finds nothing wrong with prometheus.yml and all that it names."""
    assert "17 rules found" in asked("promtool", "check", "config", FOLDER / "prometheus.yml")


@pytest.mark.parametrize("file", ["rules_test.yml", "rules_test_days.yml"])
def test_alerts_fire_and_do_not_fire(file: str) -> None:
    """Promtool finds each rule as its tests say."""
    asked("promtool", "test", "rules", FOLDER / file)


def test_no_alert_is_without_a_test() -> None:
    """Each alert is expected to fire in one test, and expected to be silent in one."""
    cases = [case for file in FOLDER.glob("rules_test*.yml") for case in load(file)["tests"]]
    fires: set[str] = set()
    silent: set[str] = set()
    for case in (one for test in cases for one in test.get("promql_expr_test", [])):
        names = set(re.findall(r"[A-Z]\w+", " ".join(re.findall(r'alertname=~?"([^"]+)"', case["expr"]))))
        (fires if case["exp_samples"] else silent).update(names)
    for case in (one for test in cases for one in test.get("alert_rule_test", [])):
        (fires if case["exp_alerts"] else silent).add(case["alertname"])
    names = {rule["alert"] for rule in ALERTS}
    assert names - fires == set()
    assert names - silent == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_needs(rule: dict[str, Any]) -> None:
    """A severity, a line for people, a section of docs/monitoring.md; with a reason also value and limit."""
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert "\n" not in rule["annotations"]["summary"]
    heading = f"### {rule['alert']}\n"
    assert rule["annotations"]["runbook"].endswith(f"/docs/monitoring.md#{rule['alert'].lower()}")
    assert heading in (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    if "reason" in rule["labels"]:
        assert rule["labels"]["reason"] in REASONS
        assert {"value", "limit"} <= set(rule["annotations"])


def test_alertmanager_takes_its_file() -> None:
    """Amtool finds nothing wrong with alertmanager.yml."""
    assert "SUCCESS" in asked("amtool", "check-config", FOLDER / "alertmanager.yml")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_what_shall_retrain_goes_to_the_relay(rule: dict[str, Any]) -> None:
    """An alert with a reason goes to the relay, each other one to people."""
    labels = [f"{name}={value}" for name, value in rule["labels"].items()]
    command = ["amtool", "config", "routes", "test", f"--config.file={FOLDER / 'alertmanager.yml'}"]
    told = asked(*command, f"alertname={rule['alert']}", *labels)
    assert told.strip() == ("relay" if "reason" in rule["labels"] else "people")


def test_targets_are_those_of_the_host() -> None:
    """targets.yml has the places of host.toml, and every job that a rule misses when it is gone."""
    targets = load(FOLDER / "targets.yml")
    places = {one["labels"]["place"]: one["targets"] for one in targets if "place" in one["labels"]}
    toml = (ROOT / "deploy/compose/host.toml").read_text(encoding="utf-8")
    assert places == {name: [f"127.0.0.1:{port}"] for name, port in re.findall(r"^(\w+) = \[\d+, (\d+)\]", toml, re.M)}
    missed = set(re.findall(r'absent\(up\{job="(\w+)"\}\)', (FOLDER / "rules.yml").read_text(encoding="utf-8")))
    assert {one["labels"]["job"] for one in targets} == missed | {"prometheus"}


def test_the_dashboard_is_what_the_code_says() -> None:
    """dashboard.json is the output of dev/dashboard.py."""
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), "python -m dev.dashboard"
