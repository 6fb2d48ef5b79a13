"""What deploy/kubernetes says of the service is what the service does: options, ports, paths, time to end, metrics."""

import argparse
import json
import re
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.unit.serving.service_client import ServiceClient
from verdict.cli import serve
from verdict.delivery.host.rules import ALPHA, Limits
from verdict.web.server import GRACE

KUBERNETES = ROOT / "deploy/kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    """A file's documents."""
    return list(yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8")))


def pods(name: str) -> dict[str, Any]:
    """The description of pods in a file."""
    spec = documents(name)[-1]["spec"]
    found: dict[str, Any] = spec["template"]["spec"] if "template" in spec else spec["predictor"]
    return found


both = pytest.mark.parametrize("name", ["base/deployment.yaml", "kserve/inferenceservice.yaml"])


@both
def test_the_options_are_those_of_the_command(name: str) -> None:
    """`verdict serve` takes them, listens on the ports that are named, and ends before it is killed."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    serve.arguments(parser)
    pod = pods(name)
    (container,) = pod["containers"]
    options = parser.parse_args(container["args"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {"http": options.port, "metrics": options.metrics_port} == ports
    assert (options.host, options.metrics_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104 - within a pod
    assert options.drain >= 5
    assert options.drain + GRACE < pod["terminationGracePeriodSeconds"]


@both
def test_the_key_of_receipts_is_where_the_service_looks(name: str) -> None:
    """The Secret is mounted where --receipt-key points, under the name of its key, for the group of the pods."""
    pod = pods(name)
    (container,) = pod["containers"]
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert f"--receipt-key={mount['mountPath']}/key" in container["args"]
    assert mount["name"] == volume["name"]
    assert (volume["secret"]["defaultMode"], pod["securityContext"]["fsGroup"]) == (0o440, 65532)
    guide = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    assert f"create secret generic {volume['secret']['secretName']} --from-file=key=" in guide


@both
def test_the_probes_hit_what_the_service_has(artifact: Path, name: str) -> None:
    """Each path answers 200; while the service drains, readiness alone does not."""
    client = ServiceClient(artifact)
    (container,) = pods(name)["containers"]
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert [client.get(path).status for path in paths.values()] == [200, 200, 200]
    client.service.draining = True
    assert [client.get(path).status for path in paths.values()] == [503, 503, 200]


def test_the_analyses_ask_for_metrics_that_there_are(artifact: Path) -> None:
    """Each metric of a query is one of the service's, and the queries count both of its routes that score."""
    client = ServiceClient(artifact)
    client.post("/predict", {"text": "fine"})
    client.post("/v2/models/classifier/infer", {})
    shown = json.dumps(documents("components/rollout/analysis.yaml"))
    samples = [sample for metric in client.service.counters.registry.collect() for sample in metric.samples]
    named = set(re.findall(r"\bverdict_\w+", shown))
    assert named == {"verdict_requests_total", "verdict_request_seconds_bucket"} <= {sample.name for sample in samples}
    (routes,) = set(re.findall(r'route=~\\"(.+?)\\"', shown))
    counted = {sample.labels["route"] for sample in samples if sample.name == "verdict_requests_total"}
    assert len(counted) == 2
    assert all(re.fullmatch(routes, route) for route in counted)


def test_argo_has_the_limits_of_the_guard() -> None:
    """Weights, requests of a step, share of failures, how much slower: one release, judged alike on both targets."""
    limits, rollout = Limits(), documents("components/rollout/rollout.yaml")[0]["spec"]["strategy"]["canary"]
    assert tuple(step["setWeight"] for step in rollout["steps"] if "setWeight" in step) == limits.weights
    given: dict[str, str] = {}
    failures, evidence = documents("components/rollout/analysis.yaml")
    for template in (failures, evidence):
        given |= {one["name"]: one["value"] for one in template["spec"]["args"] if "value" in one}
    numbers = {name: float(value) for name, value in given.items() if name != "prometheus"}
    wanted = {"failures": limits.least, "limit": limits.failures, "requests": limits.requests}
    assert numbers == {**wanted, "times": limits.slower, "seconds": limits.slack}
    z = NormalDist().inv_cdf(1 - ALPHA)
    assert failures["spec"]["metrics"][0]["failureCondition"].endswith(f"> {z:.2f}")
