"""Deployments and their statuses."""

from tests.workflows.api.objects import user
from tests.workflows.api.state import Answer, Json, RefusedError, Request, State, now, route


@route("GET", "/deployments", "deployments")
def list_deployments(state: State, request: Request) -> Answer:
    """Deployments, the newest first."""
    filters = {key: request.query[key] for key in ("sha", "task", "environment") if key in request.query}
    newest_first = reversed(state.deployments)
    return Answer([_shown(one) for one in newest_first if all(one[key] == value for key, value in filters.items())])


@route("POST", "/deployments", "deployments")
def create_deployment(state: State, request: Request) -> Answer:
    """Make a deployment of a commit."""
    body, number = request.body, state.next_id()
    sha = state.find(body["ref"])
    if sha is None:
        raise RefusedError(422, f"No ref found for: {body['ref']}")
    deployment: Json = {
        **{"id": number, "sha": sha, "ref": body["ref"], "task": body.get("task", "deploy"), "payload": {}},
        **{"environment": body.get("environment", "production"), "description": body.get("description")},
        **{"creator": user(state, request.identity.login), "created_at": now(), "updated_at": now()},
        **{"transient_environment": body.get("transient_environment", False), "statuses": []},
        **{"url": state.call(f"deployments/{number}"), "repository_url": state.call("").rstrip("/")},
        "statuses_url": state.call(f"deployments/{number}/statuses"),
    }
    state.deployments.append(deployment)
    return Answer(_shown(deployment), 201)


@route("GET", "/deployments/{deployment_id}/statuses", "deployments")
def list_statuses(state: State, request: Request) -> Answer:
    """The statuses of a deployment, the newest first."""
    return Answer(list(reversed(_deployment(state, request)["statuses"])))


@route("POST", "/deployments/{deployment_id}/statuses", "deployments")
def create_status(state: State, request: Request) -> Answer:
    """Add a status to a deployment."""
    deployment, body = _deployment(state, request), request.body
    status = {
        **{"id": state.next_id(), "state": body["state"], "environment_url": body.get("environment_url", "")},
        **{"environment": deployment["environment"], "description": body.get("description", ""), "target_url": ""},
        **{"creator": user(state, request.identity.login), "created_at": now(), "updated_at": now()},
        **{"deployment_url": deployment["url"], "repository_url": deployment["repository_url"]},
        "url": deployment["statuses_url"],
    }
    deployment["statuses"].append(status)
    return Answer(status, 201)


def _deployment(state: State, request: Request) -> Json:
    for deployment in state.deployments:
        if deployment["id"] == request.number("deployment_id"):
            return deployment
    raise RefusedError(404, "Not Found")


def _shown(deployment: Json) -> Json:
    return {key: value for key, value in deployment.items() if key != "statuses"}
