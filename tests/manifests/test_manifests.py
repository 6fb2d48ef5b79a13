"""deploy/kubernetes is valid for Kubernetes, Argo Rollouts and KServe, and keeps this project's rules."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.manifests import Json, faults, placeholders, value_at
from tests.manifests.rendered import FOLDERS, KUBERNETES, ROOT, documents, text
from tests.manifests.validators import compiled, kserve_fields, validated

# The oldest and the newest Kubernetes whose schemas are asked.
VERSIONS = ("1.32", "1.37")
# What Kubernetes itself has no schema of, by folder.
FOREIGN = {"overlays/canary": ["AnalysisTemplate", "AnalysisTemplate", "Rollout"], "kserve": ["InferenceService"]}
# What an InferenceService's predictor has beside the fields of a pod.
OF_KSERVE = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "deploymentStrategy"}
DIGEST = "sha256:" + "5e" * 32
GONE = object()


def of_argo() -> list[Json]:
    """Argo's documents."""
    return [body for body in documents("overlays/canary") if body["apiVersion"].startswith("argoproj.io/")]


def inference_service() -> Json:
    """KServe's document."""
    return next(body for body in documents("kserve") if body["kind"] == "InferenceService")


def as_deployment(service: Json) -> Json:
    """The Deployment that KServe makes of a predictor."""
    predictor = service["spec"]["predictor"]
    labels = service["metadata"]["labels"]
    pod = {key: value for key, value in predictor.items() if key not in OF_KSERVE}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "strategy": predictor["deploymentStrategy"], "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "verdict"}, "spec": spec}


def changed(manifests: list[Json], kind: str, path: str, value: Any) -> list[Json]:  # noqa: ANN401 - YAML
    """The manifests with another value at a dotted path of the first of a kind."""
    place: Any = next(body for body in manifests if body["kind"] == kind)
    *above, last = [int(key) if key.isdigit() else key.replace("~", ".") for key in path.split(".")]
    for key in above:
        place = place[key]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return manifests


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_kubernetes_takes_them(tmp_path: Path, folder: str, version: str) -> None:
    """Each document fits its strict schema, and none is without one but those of Argo and KServe."""
    assert validated(tmp_path, version, *documents(folder)) == (0, [], FOREIGN.get(folder, []))


def test_a_misspelt_field_is_seen(tmp_path: Path) -> None:
    """A key that Kubernetes does not know is refused, and a kind that it does not know is noticed."""
    odd = changed(documents("overlays/staging"), "Deployment", "spec.template.spec.containers.0.livenesProbe", {})
    assert validated(tmp_path, VERSIONS[-1], *odd)[0] == 1
    unknown = changed(documents("overlays/staging"), "Service", "kind", "Servise")
    assert validated(tmp_path, VERSIONS[-1], *unknown)[2] == ["Servise"]


def test_argo_takes_its_documents(tmp_path: Path) -> None:
    """The Rollout and its analyses have the fields and types of Argo's own API."""
    assert len(of_argo()) == 3
    assert compiled(tmp_path, *of_argo()) == ""


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("spec.strategy.canary.steps.0.setWeight", "ten", "not assignable to type 'number'"),
        ("spec.strategy.canary.steps.0", {"setWieght": 5}, "'\"setWieght\"' does not exist"),
        ("spec.strategy.canary.steps.1.pause", {"for": "5m"}, "'\"for\"' does not exist"),
    ],
)
def test_a_wrong_step_is_seen(tmp_path: Path, path: str, value: object, told: str) -> None:
    """A step of another type, or one that is misspelt, is refused by name."""
    assert told in compiled(tmp_path, *changed(of_argo(), "Rollout", path, value))


def test_the_canary_names_what_is_there() -> None:
    """Each analysis of the Rollout is a template beside it, and is given just the values that this one has none for."""
    canary = next(body for body in of_argo() if body["kind"] == "Rollout")["spec"]["strategy"]["canary"]
    templates = {body["metadata"]["name"]: body["spec"] for body in of_argo() if body["kind"] == "AnalysisTemplate"}
    asked = [canary["analysis"], *(step["analysis"] for step in canary["steps"] if "analysis" in step)]
    assert {item["templateName"] for analysis in asked for item in analysis["templates"]} == set(templates)
    for analysis in asked:
        (template,) = (templates[item["templateName"]] for item in analysis["templates"])
        assert {arg["name"] for arg in analysis["args"]} == {arg["name"] for arg in template["args"] if len(arg) == 1}
        queries = [metric["provider"]["prometheus"] for metric in template["metrics"]]
        used = set(re.findall(r"\{\{args\.(\w+)\}\}", json.dumps(queries)))
        assert used == {arg["name"] for arg in template["args"]}


def test_every_weight_ends_with_evidence() -> None:
    """No weight is left for a larger one before an analysis has found evidence."""
    canary = next(body for body in of_argo() if body["kind"] == "Rollout")["spec"]["strategy"]["canary"]
    kinds = [next(iter(step)) for step in canary["steps"]]
    assert kinds == ["setWeight", "pause", "analysis"] * 3
    assert [step["setWeight"] for step in canary["steps"] if "setWeight" in step] == [5, 25, 50]


def test_kserve_knows_the_fields(tmp_path: Path) -> None:
    """The InferenceService has the fields of KServe's client; its pods fit the schema of a Deployment."""
    service = inference_service()
    assert set(service) <= set(kserve_fields("inference_service"))
    assert set(service["spec"]) <= set(kserve_fields("inference_service_spec"))
    fields = kserve_fields("predictor_spec")
    types = {"int": int, "str": str, "K8sIoApiAppsV1DeploymentStrategy": dict}
    own = {key: value for key, value in service["spec"]["predictor"].items() if key in OF_KSERVE}
    assert set(own) == OF_KSERVE
    assert all(isinstance(value, types[fields[key]]) for key, value in own.items())
    assert validated(tmp_path, VERSIONS[-1], as_deployment(service)) == (0, [], [])


def test_kserve_runs_the_same_pods() -> None:
    """A predictor's pods are those of the Deployment, but for the name that KServe gives to a container."""
    predictor = inference_service()["spec"]["predictor"]
    pod = next(body for body in documents("overlays/staging") if body["kind"] == "Deployment")["spec"]["template"][
        "spec"
    ]
    of_base = {"serviceAccountName", "topologySpreadConstraints"}
    assert set(pod) - set(predictor) == of_base
    assert {**predictor["containers"][0], "name": "verdict"} == pod["containers"][0]
    assert {key: predictor[key] for key in pod if key not in {*of_base, "containers"}} == {
        key: value for key, value in pod.items() if key not in {*of_base, "containers"}
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_they_are_what_the_house_asks_for(folder: str) -> None:
    """All is restricted, bounded, probed, by digest, and closed but for two named ports."""
    assert faults(documents(folder)) == []


_C = "spec.template.spec.containers.0"
_WEAKER: list[tuple[str, str, object, str]] = [
    ("Deployment", f"{_C}.image", "ghcr.io/owner/verdict:v1.0.0", "not an image by its digest"),
    ("Deployment", f"{_C}.image", f"ghcr.io/owner/verdict:v1.0.0@{DIGEST}", "not an image by its digest"),
    ("Deployment", f"{_C}.securityContext.runAsNonRoot", GONE, "runAsNonRoot"),
    ("Deployment", f"{_C}.securityContext.readOnlyRootFilesystem", False, "readOnlyRootFilesystem"),
    ("Deployment", f"{_C}.securityContext.capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "capabilities"),
    ("Deployment", f"{_C}.securityContext.allowPrivilegeEscalation", GONE, "allowPrivilegeEscalation"),
    ("Deployment", f"{_C}.securityContext.runAsUser", 0, "runAsUser"),
    ("Deployment", f"{_C}.resources.limits.memory", GONE, "limits.memory"),
    ("Deployment", f"{_C}.resources.requests.cpu", GONE, "requests.cpu"),
    ("Deployment", f"{_C}.livenessProbe", GONE, "livenessProbe"),
    ("Deployment", f"{_C}.readinessProbe.httpGet.path", "/health", "readinessProbe"),
    ("Deployment", f"{_C}.command", ["sh"], "command"),
    ("Deployment", f"{_C}.ports.1.containerPort", 8000, "ports"),
    ("Deployment", "spec.template.spec.initContainers", [{"name": "more", "image": "busybox"}], "container more"),
    ("Deployment", "spec.template.spec.hostNetwork", True, "hostNetwork"),
    ("Deployment", "spec.template.spec.volumes.0.hostPath", {"path": "/"}, "hostPath"),
    ("Deployment", "spec.template.spec.automountServiceAccountToken", True, "automountServiceAccountToken"),
    ("Deployment", "spec.template.metadata.labels", {"app": "other"}, "matches no pods"),
    ("Deployment", "spec.replicas", 3, "replicas"),
    ("Deployment", "spec.strategy.rollingUpdate.maxUnavailable", 1, "before others are ready"),
    ("Service", "spec.selector", {"app": "other"}, "matches no pods"),
    ("Service", "spec.ports.0.targetPort", "metrics", "is not users' port"),
    ("HorizontalPodAutoscaler", "spec.maxReplicas", 100, "not between"),
    ("HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "other", "does not scale the Deployment"),
    ("PodDisruptionBudget", "spec.maxUnavailable", "100%", "all pods but one"),
    ("NetworkPolicy", "spec.policyTypes", ["Ingress"], "denies by default"),
    ("NetworkPolicy", "spec.ingress", [{}], "opens more than one named port"),
    ("NetworkPolicy", "spec.egress", [{}], "lets pods ask others"),
    ("Namespace", "metadata.labels", {}, "restricted namespace"),
    ("Service", "kind", "Ingress", "nobody has said"),
]


@pytest.mark.parametrize(("kind", "path", "value", "told"), _WEAKER)
def test_what_is_weaker_is_told(kind: str, path: str, value: object, told: str) -> None:
    """Each rule finds the manifest that breaks it."""
    assert any(told in fault for fault in faults(changed(documents("overlays/production"), kind, path, value)))


def test_metrics_are_for_who_watches() -> None:
    """Another namespace than monitoring at the port of the metrics is reported."""
    manifests = documents("overlays/production")
    (opening,) = [body for body in manifests if body["metadata"]["name"] == "verdict-metrics"]
    source = value_at(opening["spec"]["ingress"][0]["from"][0], "namespaceSelector.matchLabels")
    source["kubernetes.io/metadata.name"] = "default"
    assert faults(manifests) == ["metrics are open to more than monitoring"]


def test_the_autoscaler_of_a_canary_scales_the_rollout() -> None:
    """If Argo runs the pods, an autoscaler of the Deployment, which would start further pods, is reported."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "verdict"}
    manifests = changed(documents("overlays/canary"), "HorizontalPodAutoscaler", "spec.scaleTargetRef", target)
    assert faults(manifests) == ["HorizontalPodAutoscaler verdict: it does not scale the Rollout"]


def judged(folder: Path) -> subprocess.CompletedProcess[str]:
    """The findings of `make manifests DEPLOY=` in a folder."""
    command = [sys.executable, "-m", "dev.manifests"]
    return subprocess.run(command, input=text(folder), cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_digest_gets_in_as_documented(tmp_path: Path, folder: str) -> None:
    """The placeholder is refused by name; the documented line puts a release in its place, which is taken."""
    copy = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, copy)
    before = judged(copy / folder)
    assert before.returncode == 1
    assert f"{'0' * 64} is no release: docs/kubernetes.md" in before.stderr
    (line,) = re.findall(r"^sed -i .*$", (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8"), re.MULTILINE)
    line = line.replace("ghcr.io/OWNER/NAME", "ghcr.io/owner/verdict").replace("sha256:DIGEST", DIGEST)
    place = "overlays/production" if folder == "overlays/canary" else folder
    done = shlex.split(line.replace("deploy/kubernetes/overlays/production", str(copy / place)))
    subprocess.run(done, check=True)
    assert [judged(copy / folder).returncode, judged(copy / folder).stderr] == [0, ""]
    assert f"image: ghcr.io/owner/verdict@{DIGEST}\n" in text(copy / folder)


def test_a_placeholder_is_one_by_name_or_by_digest() -> None:
    """Half a release, a name without a digest or a digest without a name, is still none."""
    for image in (f"ghcr.io/owner/verdict@sha256:{'0' * 64}", f"registry.invalid/verdict@{DIGEST}"):
        assert placeholders(changed(documents("overlays/staging"), "Deployment", f"{_C}.image", image)) == [image]
