"""Runs of workflows, their jobs, logs and artifacts; check runs."""

import hashlib
from pathlib import Path
from urllib.parse import quote

from tests.workflows.api.objects import app
from tests.workflows.api.state import Answer, Json, RefusedError, Request, State, now, route

LONGEST_SUMMARY = 65_535


def _run(state: State, request: Request) -> Json:
    found = state.runs.get(request.number("run_id"))
    if found is None:
        raise RefusedError(404, "Not Found")
    return found


@route("GET", "/actions/runs", "actions")
def list_all_runs(state: State, request: Request) -> Answer:
    """Runs of all workflows, the newest first."""
    found = sorted(state.runs.values(), key=lambda one: (one["created_at"], one["id"]), reverse=True)
    return Answer({"total_count": len(found), "workflow_runs": found})


@route("GET", "/actions/workflows/{workflow_id}/runs", "actions")
def list_runs(state: State, request: Request) -> Answer:
    """Runs of a workflow by its file's name, the newest first."""
    name, query = request.parts["workflow_id"], request.query
    found = [one for one in state.runs.values() if name in (Path(one["path"]).name, str(one["workflow_id"]))]
    if not found and not (state.find("main") and _has(state, name)):
        raise RefusedError(404, "Not Found")
    for key, field in (("head_sha", "head_sha"), ("event", "event"), ("branch", "head_branch")):
        found = [one for one in found if key not in query or one[field] == query[key]]
    found = [one for one in found if query.get("status") in (None, one["status"], one["conclusion"])]
    found.sort(key=lambda one: (one["created_at"], one["id"]), reverse=True)
    return Answer({"total_count": len(found), "workflow_runs": found})


def _has(state: State, name: str) -> bool:
    return bool(state.git("ls-tree", "--name-only", "main", f".github/workflows/{name}"))


@route("GET", "/actions/workflows/{workflow_id}", "actions")
def get_workflow(state: State, request: Request) -> Answer:
    """A workflow by its file's name, and whether it is active."""
    name = request.parts["workflow_id"]
    if not _has(state, name):
        raise RefusedError(404, "Not Found")
    known = {"id": state.id_of(("workflow", name)), "name": name, "path": f".github/workflows/{name}"}
    usual = {"state": "active", "created_at": now(), "updated_at": now()}
    return Answer({**known, **usual, **state.workflows.get(name, {})})


@route("GET", "/actions/runs/{run_id}/jobs", "actions")
def list_jobs(state: State, request: Request) -> Answer:
    """The jobs of a run."""
    found = state.jobs.get(_run(state, request)["id"], [])
    return Answer({"total_count": len(found), "jobs": found})


@route("GET", "/actions/jobs/{job_id}/logs", "actions")
def get_log(state: State, request: Request) -> Answer:
    """Where the log of a job is."""
    number = request.number("job_id")
    if number not in state.logs:
        raise RefusedError(404, "Not Found")
    return _stored(state, f"log-{number}.txt", state.logs[number].encode())


@route("GET", "/actions/runs/{run_id}", "actions")
def get_run(state: State, request: Request) -> Answer:
    """A run."""
    return Answer(_run(state, request))


@route("GET", "/actions/artifacts", "actions")
def list_all_artifacts(state: State, request: Request) -> Answer:
    """The artifacts of all runs."""
    found = [_artifact(state, run, path) for run in state.runs.values() for path in _zips(state, run["id"])]
    found = [one for one in found if request.query.get("name") in (None, one["name"])]
    return Answer({"total_count": len(found), "artifacts": found})


@route("GET", "/actions/runs/{run_id}/artifacts", "actions")
def list_artifacts(state: State, request: Request) -> Answer:
    """The artifacts of a run."""
    run = _run(state, request)
    found = [_artifact(state, run, path) for path in _zips(state, run["id"])]
    found = [one for one in found if request.query.get("name") in (None, one["name"])]
    return Answer({"total_count": len(found), "artifacts": found})


@route("GET", "/actions/artifacts/{artifact_id}/{archive_format}", "actions")
def get_artifact(state: State, request: Request) -> Answer:
    """Where the bytes of an artifact are."""
    asked = request.number("artifact_id")
    for run in state.runs:
        for path in _zips(state, run):
            if state.id_of(("artifact", run, path.name)) == asked and request.parts["archive_format"] == "zip":
                return _stored(state, f"{asked}.zip", path.read_bytes())
    raise RefusedError(404, "Not Found")


def _zips(state: State, run: int) -> list[Path]:
    return sorted(state.folders.get(run, state.artifacts / str(run)).glob("*.zip"))


def _artifact(state: State, run: Json, path: Path) -> Json:
    identifier = state.id_of(("artifact", run["id"], path.name))
    sides = {"repository_id": run["repository"]["id"], "head_repository_id": run["head_repository"]["id"]}
    return {
        "id": identifier,
        "name": path.stem,
        "size_in_bytes": path.stat().st_size,
        "digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        "expired": False,
        "created_at": run["updated_at"],
        "updated_at": run["updated_at"],
        "expires_at": None,
        "url": state.call(f"actions/artifacts/{identifier}"),
        "archive_download_url": state.call(f"actions/artifacts/{identifier}/zip"),
        "workflow_run": {"id": run["id"], "head_branch": run["head_branch"], "head_sha": run["head_sha"], **sides},
    }


def _stored(state: State, name: str, content: bytes) -> Answer:
    state.stored[name] = content
    return Answer(status=302, location=f"{state.downloads}/{quote(name)}")


@route("POST", "/check-runs", "checks")
def create_check(state: State, request: Request) -> Answer:
    """A new check run: only an App makes any."""
    if request.identity.app is None:
        raise RefusedError(403, "You must authenticate via a GitHub App.")
    _accept(state, request.body)
    identifier = state.next_id()
    known: Json = {
        "status": "queued",
        "conclusion": None,
        "started_at": now(),
        "completed_at": None,
        "pull_requests": [],
    }
    given = {"external_id": "", "details_url": None, "head_sha": request.body["head_sha"], "name": request.body["name"]}
    places = {
        "id": identifier,
        "html_url": state.page(f"runs/{identifier}"),
        "url": state.call(f"check-runs/{identifier}"),
    }
    made = {**known, **given, **places, "app": app(state, request.identity.app), "output": _output({})}
    state.checks.append(_changed(made, request.body))
    return Answer(made, 201)


@route("GET", "/commits/{ref}/check-runs", "checks")
def list_checks(state: State, request: Request) -> Answer:
    """Check runs of a commit: of each App's and each name's the latest, the newest first."""
    query, sha = request.query, state.find(request.parts["ref"])
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {request.parts['ref']}")
    found = [one for one in state.checks if one["head_sha"] == sha]
    if query.get("filter", "latest") == "latest":
        found = list({(one["app"]["id"], one["name"]): one for one in found}.values())
    found = [one for one in found if query.get("check_name") in (None, one["name"])]
    found = [one for one in found if query.get("app_id") in (None, str(one["app"]["id"]))]
    found = [one for one in found if query.get("status") in (None, one["status"])]
    return Answer({"total_count": len(found), "check_runs": found[::-1]})


def _accept(state: State, body: Json) -> None:
    if state.find(body["head_sha"]) != body["head_sha"]:
        raise RefusedError(422, f"No commit found for SHA: {body['head_sha']}")
    for key in ("summary", "text"):
        if len((body.get("output", {}).get(key) or "").encode()) > LONGEST_SUMMARY:
            raise RefusedError(422, f"{key} exceeds a maximum bytesize of {LONGEST_SUMMARY}")
    if body.get("status") == "completed" and "conclusion" not in body:
        raise RefusedError(422, "conclusion is missing")


def _changed(check: Json, body: Json) -> Json:
    check.update({key: body[key] for key in body if key not in ("output", "actions")})
    if "output" in body:
        check["output"] = _output(body["output"])
    if check["conclusion"] is not None:
        check["status"] = "completed"
        check["completed_at"] = check["completed_at"] or now()
    return check


def _output(given: Json) -> Json:
    texts = {key: given.get(key) for key in ("title", "summary", "text")}
    return {**texts, "annotations_count": len(given.get("annotations", [])), "annotations_url": ""}
