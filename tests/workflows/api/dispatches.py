"""Events that something outside of GitHub makes."""

import json

from tests.workflows.api.state import Answer, RefusedError, Request, State, route

_MOST = 64 * 1024  # bytes of a payload


@route("POST", "/dispatches", "contents")
def create_dispatch(state: State, request: Request) -> Answer:
    """A repository_dispatch; which workflow it starts is another question."""
    if len(json.dumps(request.body.get("client_payload", {}))) >= _MOST:
        raise RefusedError(422, "client_payload is too large.")
    state.dispatches.append(request.body)
    return Answer(None, 204)
