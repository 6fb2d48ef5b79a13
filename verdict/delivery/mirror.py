"""Experiments and releases mirrored to an MLflow tracking server, which is written, and never trusted.

Existing entries are left alone, so a mirror can be interrupted and repeated. This uses a dozen calls of MLflow's REST
API, because its client would bring 13 packages.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests

from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.base.paths import EVALUATION
from verdict.delivery.provenance import NAME
from verdict.delivery.registry import stages, versions
from verdict.repo.git import git
from verdict.repo.revisions import Revision

# The test scores of experiments are not published: nobody may choose by them.
_SCORES = {"experiments": "metrics/validation.json", "releases": EVALUATION}
_MOST = 100  # params and metrics of a request
_LONGEST = 500  # letters of a value


class MLflow:
    """A tracking server; requests carry MLFLOW_TRACKING_TOKEN, if it is set, else the login of ~/.netrc."""

    def __init__(self, uri: str) -> None:
        self._root, self._session = f"{uri.rstrip('/')}/api/2.0/mlflow", requests.Session()
        if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a request; that of MLflow's error where a resource does not exist."""
        arguments: dict[str, Any] = {"params" if method == "GET" else "json": body}
        try:
            answer = self._session.request(method, f"{self._root}/{path}", timeout=60, **arguments)
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            what = f"no answer of MLflow: {type(error).__name__}"
            raise VerdictError(f"{self._root}/{path}", what, "--to the address of a tracking server") from None
        if answer.ok or content.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return content
        raise VerdictError(
            f"{method} {path}", f"{answer.status_code}: {str(content)[:300]}", "docs/releases.md, MLflow"
        )


def mirror(root: Path, server: MLflow, experiments: Iterable[tuple[str, str]]) -> str:
    """Write every experiment, given by name and commit, and every release with its stages as aliases."""
    runs = [_run(server, "experiments", Revision(root, *experiment)) for experiment in experiments]
    query = {"filter": f"name='{NAME}'", "max_results": 10_000}
    models = server.ask("GET", "model-versions/search", **query).get("model_versions", [])
    pairs = ((model["version"], pair) for model in models for pair in model.get("tags", []))
    known = {pair["value"]: version for version, pair in pairs if pair["key"] == "release"}
    tags, before = versions(root)[::-1], len(known)
    if tags and "registered_model" not in server.ask("GET", "registered-models/get", name=NAME):
        server.ask("POST", "registered-models/create", name=NAME)
    for tag in tags:
        run, provenance = _run(server, "releases", Revision(root, tag.name, tag.commit))[0], tag.provenance
        if tag.version not in known:
            fields = {
                "name": NAME,
                "source": f"docker://{provenance.image}",
                "run_id": run,
                "description": provenance.about(),
            }
            created = server.ask("POST", "model-versions/create", **fields, tags=_pairs({"release": tag.version}))
            known[tag.version] = created["model_version"]["version"]
    if tags:
        _set_aliases(server, {stage: known[version] for version, names in stages(root).items() for stage in names})
    new = sum(is_new for _, is_new in runs), len(known) - before
    return f"{len(runs)} experiments, {new[0]} of them new; {len(tags)} releases, {new[1]} of them new"


def _set_aliases(server: MLflow, aliases: dict[str, str]) -> None:
    model = server.ask("GET", "registered-models/get", name=NAME)["registered_model"]
    existing = {entry["alias"]: entry["version"] for entry in model.get("aliases", [])}
    for alias in existing.keys() - aliases.keys():
        server.ask("DELETE", "registered-models/alias", name=NAME, alias=alias)
    for alias, version in aliases.items():
        if existing.get(alias) != version:
            server.ask("POST", "registered-models/alias", name=NAME, alias=alias, version=version)


def _run(server: MLflow, group: str, revision: Revision) -> tuple[str, bool]:
    """Return the run of a commit, and whether it is new; a half-written one is completed."""
    name, commit = revision.name, str(revision.commit)
    experiment = server.ask("GET", "experiments/get-by-name", experiment_name=f"verdict/{group}").get("experiment")
    experiment = experiment or server.ask("POST", "experiments/create", name=f"verdict/{group}")
    query = {"filter": f"tags.commit = '{commit}' and tags.name = '{name}'", "max_results": 1}
    runs = server.ask("POST", "runs/search", experiment_ids=[experiment["experiment_id"]], **query).get("runs")
    if runs and runs[0]["info"]["status"] == "FINISHED":
        return str(runs[0]["info"]["run_id"]), False
    at = int(git(revision.root, "show", "--no-patch", "--format=%ct", commit)) * 1000
    fields = {"experiment_id": experiment["experiment_id"], "run_name": name, "start_time": at}
    created = runs or [
        server.ask("POST", "runs/create", **fields, tags=_pairs({"commit": commit, "name": name}))["run"]
    ]
    run = str(created[0]["info"]["run_id"])
    scores = flatten(json.loads(revision.text(_SCORES[group]) or "{}"))
    numbers = _pairs({key: value for key, value in scores.items() if isinstance(value, int | float)})
    metrics = [{**number, "timestamp": at, "step": 0} for number in numbers]
    params = _pairs({key: str(value)[:_LONGEST] for key, value in flatten(revision.params).items()})
    for start in range(0, max(len(metrics), len(params)), _MOST):
        part = slice(start, start + _MOST)
        server.ask("POST", "runs/log-batch", run_id=run, metrics=metrics[part], params=params[part])
    server.ask("POST", "runs/update", run_id=run, status="FINISHED", end_time=at)
    return run, True


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return values in MLflow's form, with characters that it does not allow in names replaced."""
    return [{"key": re.sub(r"[^\w./ :-]", "_", key), "value": value} for key, value in values.items()]
