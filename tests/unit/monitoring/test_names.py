"""Each metric that rules and dashboard query is published by a process under that name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.conftest import ROOT
from tests.shared import once
from tests.unit.monitoring.posting import FeedbackHarness
from tests.unit.stages.runs import build
from verdict.ci.relay.application import application
from verdict.ci.relay.delivery import Delivery
from verdict.ci.relay.queue import Queue
from verdict.monitoring.gauges import Gauges
from verdict.monitoring.reference import Reference
from verdict.monitoring.watch import Watch
from verdict.serving.service import Service
from verdict.serving.settings import Settings


def asked() -> set[str]:
    """The names in the rules, and in the queries of the panels."""
    panels = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    text = (ROOT / "deploy/monitoring/rules.yml").read_text(encoding="utf-8") + "\n".join(queries)
    return set(re.findall(r"verdict_[a-z0-9_]+", text))


def registries(model: Path, reference: Reference, folder: Path) -> Iterator[CollectorRegistry]:
    """Of service, drift, feedback and relay."""
    yield Service(Settings(model=model)).counters.registry
    yield Gauges(Watch([], reference, None, folder / "drift.json")).registry
    yield FeedbackHarness(folder).feedback.counters.registry
    relay = CollectorRegistry()
    application(
        b"t", Delivery(Queue(folder / "relay.db"), "owner/name", folder / "token", "http://127.0.0.1:1", relay), relay
    )
    yield relay


def test_every_name_is_published(
    tmp_path: Path, reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A name that nobody publishes would be an alert that never fires."""
    model = once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"
    published = set[str]()
    for registry in registries(model, reference, tmp_path):
        for name, kind in re.findall(r"(?m)^# TYPE (\S+) (\w+)$", generate_latest(registry).decode()):
            published |= {name, *((f"{name}_bucket", f"{name}_sum", f"{name}_count") if kind == "histogram" else ())}
    wanted = asked()
    assert len(wanted) > 20
    assert wanted <= published
