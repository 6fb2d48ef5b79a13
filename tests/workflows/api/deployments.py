"""Deployments, and what became of them."""

from tests.workflows.api.objects import user
from tests.workflows.api.state import Answer, Json, RefusedError, Request, State, now, route


@route("GET", "/deployments", "deployments")
def list_deployments(state: State, request: Request) -> Answer:
    """Deployments, the newest first."""
    asked = {key: request.query[key] for key in ("sha", "task", "environment") if key in request.query}
    found = [one for one in reversed(state.deployments) if all(one[key] == value for key, value in asked.items())]
    return Answer([_shown(one) for one in found])


@route("POST", "/deployments", "deployments")
def create_deployment(state: State, request: Request) -> Answer:
    """A deployment of a commit."""
    body, number = request.body, state.next_id()
    sha = state.find(body["ref"])
    if sha is None:
        raise RefusedError(422, f"No ref found for: {body['ref']}")
    made: Json = {
        **{"id": number, "sha": sha, "ref": body["ref"], "task": body.get("task", "deploy"), "payload": {}},
        **{"environment": body.get("environment", "production"), "description": body.get("description")},
        **{"creator": user(state, request.identity.login), "created_at": now(), "updated_at": now()},
        **{"transient_environment": body.get("transient_environment", False), "statuses": []},
        **{"url": state.call(f"deployments/{number}"), "repository_url": state.call("").rstrip("/")},
        "statuses_url": state.call(f"deployments/{number}/statuses"),
    }
    state.deployments.append(made)
    return Answer(_shown(made), 201)


@route("GET", "/deployments/{deployment_id}/statuses", "deployments")
def list_statuses(state: State, request: Request) -> Answer:
    """What became of one, the newest first."""
    return Answer(list(reversed(_found(state, request)["statuses"])))


@route("POST", "/deployments/{deployment_id}/statuses", "deployments")
def create_status(state: State, request: Request) -> Answer:
    """What became of one."""
    found, body = _found(state, request), request.body
    made = {
        **{"id": state.next_id(), "state": body["state"], "environment_url": body.get("environment_url", "")},
        **{"environment": found["environment"], "description": body.get("description", ""), "target_url": ""},
        **{"creator": user(state, request.identity.login), "created_at": now(), "updated_at": now()},
        **{"deployment_url": found["url"], "repository_url": found["repository_url"], "url": found["statuses_url"]},
    }
    found["statuses"].append(made)
    return Answer(made, 201)


def _found(state: State, request: Request) -> Json:
    for one in state.deployments:
        if one["id"] == request.number("deployment_id"):
            return one
    raise RefusedError(404, "Not Found")


def _shown(deployment: Json) -> Json:
    return {key: value for key, value in deployment.items() if key != "statuses"}
