"""Events that are sent from outside of GitHub."""

import json

from tests.workflows.api.state import Answer, RefusedError, Request, State, route

_MOST_BYTES = 64 * 1024


@route("POST", "/dispatches", "contents")
def create_dispatch(state: State, request: Request) -> Answer:
    """Record a repository_dispatch; it starts no workflow here."""
    if len(json.dumps(request.body.get("client_payload", {}))) >= _MOST_BYTES:
        raise RefusedError(422, "client_payload is too large.")
    state.dispatches.append(request.body)
    return Answer(None, 204)
