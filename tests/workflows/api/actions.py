"""Runs of workflows, their jobs, logs and artifacts; check runs."""

import hashlib
from pathlib import Path
from urllib.parse import quote

from tests.workflows.api.objects import app
from tests.workflows.api.state import Answer, Json, RefusedError, Request, State, now, route

LONGEST_SUMMARY = 65_535


def _run(state: State, request: Request) -> Json:
    run: Json | None = state.runs.get(request.number("run_id"))
    if run is None:
        raise RefusedError(404, "Not Found")
    return run


@route("GET", "/actions/runs", "actions")
def list_all_runs(state: State, request: Request) -> Answer:
    """Runs of all workflows, the newest first."""
    return _runs(list(state.runs.values()))


@route("GET", "/actions/workflows/{workflow_id}/runs", "actions")
def list_runs(state: State, request: Request) -> Answer:
    """Runs of a workflow by its file's name, the newest first."""
    name, query = request.parts["workflow_id"], request.query
    runs = [run for run in state.runs.values() if name in (Path(run["path"]).name, str(run["workflow_id"]))]
    if not runs and not (state.find("main") and _has(state, name)):
        raise RefusedError(404, "Not Found")
    for key, field in (("head_sha", "head_sha"), ("event", "event"), ("branch", "head_branch")):
        runs = [run for run in runs if key not in query or run[field] == query[key]]
    return _runs([run for run in runs if query.get("status") in (None, run["status"], run["conclusion"])])


def _runs(runs: list[Json]) -> Answer:
    newest_first = sorted(runs, key=lambda run: (run["created_at"], run["id"]), reverse=True)
    return Answer({"total_count": len(runs), "workflow_runs": newest_first})


def _has(state: State, name: str) -> bool:
    return bool(state.git("ls-tree", "--name-only", "main", f".github/workflows/{name}"))


@route("GET", "/actions/workflows/{workflow_id}", "actions")
def get_workflow(state: State, request: Request) -> Answer:
    """A workflow by its file's name, and whether it is active."""
    name = request.parts["workflow_id"]
    if not _has(state, name):
        raise RefusedError(404, "Not Found")
    known = {"id": state.id_of(("workflow", name)), "name": name, "path": f".github/workflows/{name}"}
    defaults = {"state": "active", "created_at": now(), "updated_at": now()}
    return Answer({**known, **defaults, **state.workflows.get(name, {})})


@route("GET", "/actions/runs/{run_id}/jobs", "actions")
def list_jobs(state: State, request: Request) -> Answer:
    """The jobs of a run."""
    jobs = state.jobs.get(_run(state, request)["id"], [])
    return Answer({"total_count": len(jobs), "jobs": jobs})


@route("GET", "/actions/jobs/{job_id}/logs", "actions")
def get_log(state: State, request: Request) -> Answer:
    """Redirect to the log of a job."""
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
    return _artifacts(state, request, list(state.runs.values()))


@route("GET", "/actions/runs/{run_id}/artifacts", "actions")
def list_artifacts(state: State, request: Request) -> Answer:
    """The artifacts of a run."""
    return _artifacts(state, request, [_run(state, request)])


def _artifacts(state: State, request: Request, runs: list[Json]) -> Answer:
    artifacts = [_artifact(state, run, path) for run in runs for path in _zips(state, run["id"])]
    artifacts = [artifact for artifact in artifacts if request.query.get("name") in (None, artifact["name"])]
    return Answer({"total_count": len(artifacts), "artifacts": artifacts})


@route("GET", "/actions/artifacts/{artifact_id}/{archive_format}", "actions")
def get_artifact(state: State, request: Request) -> Answer:
    """Redirect to the zip of an artifact."""
    number = request.number("artifact_id")
    for run in state.runs:
        for path in _zips(state, run):
            if state.id_of(("artifact", run, path.name)) == number and request.parts["archive_format"] == "zip":
                return _stored(state, f"{number}.zip", path.read_bytes())
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
    """Make a check run: only an App may."""
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
    check = {**known, **given, **places, "app": app(state, request.identity.app), "output": _output({})}
    state.checks.append(_changed(check, request.body))
    return Answer(check, 201)


@route("GET", "/commits/{ref}/check-runs", "checks")
def list_checks(state: State, request: Request) -> Answer:
    """Check runs of a commit, the newest first: the latest of each App and name."""
    query, sha = request.query, state.find(request.parts["ref"])
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {request.parts['ref']}")
    checks = [check for check in state.checks if check["head_sha"] == sha]
    if query.get("filter", "latest") == "latest":
        checks = list({(check["app"]["id"], check["name"]): check for check in checks}.values())
    checks = [check for check in checks if query.get("check_name") in (None, check["name"])]
    checks = [check for check in checks if query.get("app_id") in (None, str(check["app"]["id"]))]
    checks = [check for check in checks if query.get("status") in (None, check["status"])]
    return Answer({"total_count": len(checks), "check_runs": checks[::-1]})


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
