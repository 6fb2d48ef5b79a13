"""Experiments and releases in an MLflow tracking server, for those who look at models there: written, never believed.

Git has the history; what is there already is left alone, so a mirror can be repeated and cut off at any point. By
MLflow's REST API, which is a dozen calls: its client would bring 13 packages.
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

# Of an experiment nobody may look at the scores on test but who chose it.
_SCORES = {"experiments": "metrics/validation.json", "releases": EVALUATION}
_MOST = 100  # params and metrics of a request
_LONGEST = 500  # letters of a value


class MLflow:
    """A tracking server; MLFLOW_TRACKING_TOKEN is sent, where it is set, or what ~/.netrc has for the host."""

    def __init__(self, uri: str) -> None:
        self._root, self._session = f"{uri.rstrip('/')}/api/2.0/mlflow", requests.Session()
        if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer to a request; nothing where there is no such thing."""
        given: dict[str, Any] = {"params" if method == "GET" else "json": body}
        try:
            answer = self._session.request(method, f"{self._root}/{path}", timeout=60, **given)
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            what = f"no answer of MLflow: {type(error).__name__}"
            raise VerdictError(f"{self._root}/{path}", what, "--to the address of a tracking server") from None
        if answer.ok or told.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return told
        raise VerdictError(f"{method} {path}", f"{answer.status_code}: {str(told)[:300]}", "docs/releases.md, MLflow")


def mirror(root: Path, server: MLflow, experiments: Iterable[tuple[str, str]]) -> str:
    """Let the server have every experiment, given by name and commit, and every release with its stages as aliases."""
    runs = [_run(server, "experiments", Revision(root, *one)) for one in experiments]
    asked = {"filter": f"name='{NAME}'", "max_results": 10_000}
    found = server.ask("GET", "model-versions/search", **asked).get("model_versions", [])
    known = {pair["value"]: one["version"] for one in found for pair in one.get("tags", []) if pair["key"] == "release"}
    tags, before = versions(root)[::-1], len(known)
    if tags and "registered_model" not in server.ask("GET", "registered-models/get", name=NAME):
        server.ask("POST", "registered-models/create", name=NAME)
    for tag in tags:
        run, provenance = _run(server, "releases", Revision(root, tag.name, tag.commit))[0], tag.provenance
        if tag.version not in known:
            given = {
                "name": NAME,
                "source": f"docker://{provenance.image}",
                "run_id": run,
                "description": provenance.about(),
            }
            made = server.ask("POST", "model-versions/create", **given, tags=_pairs({"release": tag.version}))
            known[tag.version] = made["model_version"]["version"]
    if tags:
        _set_aliases(server, {stage: known[name] for name, held in stages(root).items() for stage in held})
    new = sum(is_new for _, is_new in runs), len(known) - before
    return f"{len(runs)} experiments, {new[0]} of them new; {len(tags)} releases, {new[1]} of them new"


def _set_aliases(server: MLflow, wanted: dict[str, str]) -> None:
    model = server.ask("GET", "registered-models/get", name=NAME)["registered_model"]
    held = {one["alias"]: one["version"] for one in model.get("aliases", [])}
    for alias in held.keys() - wanted.keys():
        server.ask("DELETE", "registered-models/alias", name=NAME, alias=alias)
    for alias in (alias for alias, version in wanted.items() if held.get(alias) != version):
        server.ask("POST", "registered-models/alias", name=NAME, alias=alias, version=wanted[alias])


def _run(server: MLflow, group: str, revision: Revision) -> tuple[str, bool]:
    """The run of a commit, and whether it is new; one that was left half-written is completed."""
    name, commit = revision.name, str(revision.commit)
    place = server.ask("GET", "experiments/get-by-name", experiment_name=f"verdict/{group}").get("experiment")
    place = place or server.ask("POST", "experiments/create", name=f"verdict/{group}")
    asked = {"filter": f"tags.commit = '{commit}' and tags.name = '{name}'", "max_results": 1}
    runs = server.ask("POST", "runs/search", experiment_ids=[place["experiment_id"]], **asked).get("runs")
    if runs and runs[0]["info"]["status"] == "FINISHED":
        return str(runs[0]["info"]["run_id"]), False
    at = int(git(revision.root, "show", "--no-patch", "--format=%ct", commit)) * 1000
    given = {"experiment_id": place["experiment_id"], "run_name": name, "start_time": at}
    made = runs or [server.ask("POST", "runs/create", **given, tags=_pairs({"commit": commit, "name": name}))["run"]]
    run = str(made[0]["info"]["run_id"])
    scores = flatten(json.loads(revision.text(_SCORES[group]) or "{}"))
    figures = _pairs({key: value for key, value in scores.items() if isinstance(value, int | float)})
    metrics = [{**figure, "timestamp": at, "step": 0} for figure in figures]
    params = _pairs({key: str(value)[:_LONGEST] for key, value in flatten(revision.params).items()})
    for start in range(0, max(len(metrics), len(params)), _MOST):
        part = slice(start, start + _MOST)
        server.ask("POST", "runs/log-batch", run_id=run, metrics=metrics[part], params=params[part])
    server.ask("POST", "runs/update", run_id=run, status="FINISHED", end_time=at)
    return run, True


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """As MLflow writes them; of a name the letters that it takes."""
    return [{"key": re.sub(r"[^\w./ :-]", "_", key), "value": value} for key, value in values.items()]
