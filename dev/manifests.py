"""Check manifests beyond their schemas: `kubectl kustomize FOLDER | python -m dev.manifests`."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

Json = dict[str, Any]
PLACEHOLDER = "0" * 64
USER = 65532
# The most pods of one environment, which bounds its cost.
MAX_PODS = 10
MONITORING = "monitoring"
_POD = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext.runAsNonRoot": True,
    "securityContext.runAsUser": USER,
    "securityContext.runAsGroup": USER,
    "securityContext.seccompProfile.type": "RuntimeDefault",
    "hostNetwork": None,
    "hostPID": None,
    "hostIPC": None,
}
_CONTAINER = {
    "securityContext.allowPrivilegeEscalation": False,
    "securityContext.privileged": False,
    "securityContext.readOnlyRootFilesystem": True,
    "securityContext.runAsNonRoot": True,
    "securityContext.runAsUser": None,
    "securityContext.capabilities": {"drop": ["ALL"]},
    "startupProbe.httpGet": {"path": "/v2/health/ready", "port": "http"},
    "readinessProbe.httpGet": {"path": "/v2/health/ready", "port": "http"},
    "livenessProbe.httpGet": {"path": "/v2/health/live", "port": "http"},
    "command": None,
}
_UNCHECKED_KINDS = ("Namespace", "ServiceAccount", "NetworkPolicy", "AnalysisTemplate")
_RESOURCES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def value_at(value: Any, path: str) -> Any:  # noqa: ANN401 - YAML
    """The value at a dotted path; None if there is none."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def pods(manifests: list[Json]) -> Iterator[tuple[str, Json, Json]]:
    """The descriptions of pods: name, labels of the pods, and their spec."""
    for body in manifests:
        name = f"{body['kind']} {body['metadata']['name']}"
        if "template" in body.get("spec", {}):
            yield name, value_at(body, "spec.template.metadata.labels") or {}, body["spec"]["template"]["spec"]
        elif body["kind"] == "InferenceService":
            yield name, body["metadata"].get("labels", {}), body["spec"]["predictor"]


def faults(manifests: list[Json]) -> list[str]:
    """All faults of the manifests."""
    labels = [pod_labels for _, pod_labels, _ in pods(manifests)]
    errors = [fault for name, _, spec in pods(manifests) for fault in _of_pods(name, spec)]
    errors += [] if labels else ["there are no pods"]
    errors += _of_network(manifests, labels) + _of_namespaces(manifests)
    rules = {
        "Deployment": _of_deployment,
        "Rollout": _of_rollout,
        "Service": _of_service,
        "HorizontalPodAutoscaler": _of_autoscaler,
        "PodDisruptionBudget": _of_budget,
        "InferenceService": _of_inference_service,
    }
    for body in manifests:
        name = f"{body['kind']} {body['metadata']['name']}"
        rule = rules.get(body["kind"])
        errors += [f"{name}: {fault}" for fault in rule(body["spec"], manifests, labels)] if rule else []
        if not rule and body["kind"] not in _UNCHECKED_KINDS:
            errors.append(f"{name}: nobody has said what holds for this kind")
    return errors


def placeholders(manifests: list[Json]) -> list[str]:
    """The images that are placeholders for a release."""
    images = [container["image"] for _, _, spec in pods(manifests) for container in _containers(spec)]
    return [image for image in images if image.startswith("registry.invalid/") or image.endswith(PLACEHOLDER)]


def _containers(spec: Json) -> list[Json]:
    return [*spec.get("containers", []), *spec.get("initContainers", [])]


def _differences(name: str, body: Json, expected: dict[str, Any]) -> list[str]:
    triples = [(path, value_at(body, path), value) for path, value in expected.items()]
    return [f"{name}: {path} is {actual!r}, not {value!r}" for path, actual, value in triples if actual != value]


def _of_pods(name: str, spec: Json) -> list[str]:
    errors = _differences(name, spec, _POD)
    kinds = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
    errors += [f"{name}: a volume of kind {kind}" for kind in kinds - {"secret", "emptyDir"}]
    return errors + [fault for container in _containers(spec) for fault in _of_container(name, container)]


def _of_container(name: str, body: Json) -> list[str]:
    name = f"{name}: container {body['name']}"
    errors = _differences(name, body, _CONTAINER)
    if not re.fullmatch(r"[^\s@:]+(:\d+)?(/[^\s@:]+)*@sha256:[0-9a-f]{64}", body["image"]):
        errors.append(f"{name}: {body['image']} is not an image by its digest")
    resources = body.get("resources", {})
    errors += [f"{name}: no {path} among its resources" for path in _RESOURCES if value_at(resources, path) is None]
    ports = {port.get("name"): port["containerPort"] for port in body.get("ports", [])}
    if set(ports) != {"http", "metrics"} or len(set(ports.values())) != 2:
        errors.append(f"{name}: its ports are not http and metrics, apart")
    return errors


def _of_network(manifests: list[Json], labels: list[Json]) -> list[str]:
    """Only the users' port is open, and that of the metrics for the monitoring."""
    policies = [body["spec"] for body in manifests if body["kind"] == "NetworkPolicy"]
    errors = []
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in policies:
        errors.append("no NetworkPolicy denies by default")
    for spec in policies:
        selector = value_at(spec, "podSelector.matchLabels") or {}
        errors += [] if _matches(selector, labels) else [f"a NetworkPolicy selects no pods: {selector}"]
        errors += ["a NetworkPolicy lets pods ask others"] if spec.get("egress") else []
        errors += [fault for rule in spec.get("ingress", []) for fault in _of_opening(rule)]
    return errors


def _of_opening(rule: Json) -> list[str]:
    ports = {port.get("port") for port in rule.get("ports", [])}
    sources = [value_at(peer, "namespaceSelector.matchLabels") or {} for peer in rule.get("from", [])]
    names = {source.get("kubernetes.io/metadata.name") for source in sources}
    if len(ports) != 1 or not ports < {"http", "metrics"} or not names or None in names:
        return ["a NetworkPolicy opens more than one named port to namespaces by their names"]
    return ["metrics are open to more than monitoring"] if "metrics" in ports and names != {MONITORING} else []


def _matches(selector: Json, labels: list[Json]) -> bool:
    return any(selector.items() <= pod_labels.items() for pod_labels in labels)


def _of_namespaces(manifests: list[Json]) -> list[str]:
    """All manifests are in one namespace, which enforces restricted pods."""
    used = {body["metadata"].get("namespace") for body in manifests if body["kind"] != "Namespace"}
    made = {
        body["metadata"]["name"]
        for body in manifests
        if body["kind"] == "Namespace"
        and body["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") == "restricted"
    }
    return [] if used == made and len(used) == 1 else [f"not all in one restricted namespace: {used}, {made}"]


def _of_deployment(spec: Json, _: list[Json], __: list[Json]) -> list[str]:
    errors = ["replicas would undo what the autoscaler did"] if "replicas" in spec else []
    return errors + _of_replacing(value_at(spec, "strategy.rollingUpdate"))


def _of_rollout(spec: Json, manifests: list[Json], _: list[Json]) -> list[str]:
    there = [body["metadata"]["name"] for body in manifests if body["kind"] == "Deployment"]
    errors = [] if value_at(spec, "workloadRef.name") in there else ["it runs the pods of no Deployment that is here"]
    return errors + _of_replacing(value_at(spec, "strategy.canary"))


def _of_replacing(strategy: Json | None) -> list[str]:
    return [] if strategy and strategy.get("maxUnavailable") == 0 else ["pods end before others are ready"]


def _of_service(spec: Json, _: list[Json], labels: list[Json]) -> list[str]:
    errors = [] if spec.get("selector") and _matches(spec["selector"], labels) else ["its selector matches no pods"]
    return errors + [
        f"port {port['port']} is not users' port of a pod" for port in spec["ports"] if port.get("targetPort") != "http"
    ]


def _of_autoscaler(spec: Json, manifests: list[Json], _: list[Json]) -> list[str]:
    scaled = "Rollout" if any(body["kind"] == "Rollout" for body in manifests) else "Deployment"
    target = spec["scaleTargetRef"]
    there = any(target["name"] == body["metadata"]["name"] for body in manifests if body["kind"] == scaled)
    errors = [] if there and target["kind"] == scaled else [f"it does not scale the {scaled}"]
    return errors + _of_numbers(spec)


def _of_inference_service(spec: Json, _: list[Json], __: list[Json]) -> list[str]:
    return _of_numbers(spec["predictor"])


def _of_numbers(spec: Json) -> list[str]:
    fits = 1 <= spec.get("minReplicas", 0) <= spec.get("maxReplicas", MAX_PODS + 1) <= MAX_PODS
    return [] if fits else [f"not between 1 and {MAX_PODS} pods"]


def _of_budget(spec: Json, _: list[Json], labels: list[Json]) -> list[str]:
    selector = value_at(spec, "selector.matchLabels") or {}
    errors = [] if _matches(selector, labels) else ["its selector matches no pods"]
    return errors + ([] if spec.get("maxUnavailable") == 1 else ["it does not keep all pods but one"])


if __name__ == "__main__":
    documents = list(yaml.safe_load_all(sys.stdin))
    lines = faults(documents)
    remedy = "docs/kubernetes.md says how its digest gets in"
    lines += [f"{image} is no release: {remedy}" for image in placeholders(documents)]
    sys.exit("\n".join(lines) or 0)
