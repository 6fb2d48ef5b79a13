"""The checks that every request passes first: token, limits and counters; no error message shows a text."""

import hmac
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from verdict.web.protocol import MOST_BYTES, error_line
from verdict.web.service import WebService

_OPEN = {"/", "/health", "/v2/health/live", "/v2/health/ready"}
# Failures are counted by these names.
_KINDS = {401: "token", 408: "late", 413: "large", 422: "malformed", 429: "busy", 499: "gone", 500: "not_finite"}
_JSON = "application/json"


class RefusedError(HTTPException):
    """A refusal that is counted by its own reason."""

    def __init__(self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.reason = reason


class Front:
    """The outermost application: bounds, token, counters, access log.

    Args:
        app: all routes.
        service: its settings and counters.
        hot: functions that answer the body of a POST, by path, without FastAPI, which takes as long as half of a
            prediction.
        document: where the routes are documented.
    """

    def __init__(
        self,
        app: Starlette,
        service: WebService,
        hot: Mapping[str, Callable[[bytes], Awaitable[bytes | Response]]],
        document: str = "/docs",
    ) -> None:
        self._app, self._service, self._hot, self._document, self._working = app, service, hot, document, 0
        app.add_exception_handler(HTTPException, self._refused)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it may pass; count its outcome."""
        started, status = time.perf_counter(), 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        answer = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        self._working += 1
        try:
            self._check(scope)
            respond = _response(await answer(await _read_body(scope, receive))) if answer else self._app
            await respond(scope, receive, send_noting_status)
        except HTTPException as error:
            await (await self._refused(Request(scope), error))(scope, receive, send_noting_status)
        except Exception as error:
            self._service.counters.failures.labels("defect").inc()
            # Its message is not logged: it may hold a part of a text.
            places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            print(f"defect: {type(error).__name__} at {' < '.join(reversed(places))}", file=sys.stderr, flush=True)
            if not status:
                respond = Response(error_line("a defect of the service: its log says where"), 500, media_type=_JSON)
                await respond(scope, receive, send_noting_status)
        finally:
            self._working -= 1
            self._count(scope, status, time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        """Raise `HTTPException` for too many requests, or without the token."""
        settings = self._service.settings
        if self._working > settings.requests:
            raise HTTPException(429, "too many requests at a time: try again in a second", {"retry-after": "1"})
        if settings.token is not None and scope["path"] not in _OPEN:
            header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(header, b"Bearer " + settings.token):
                detail = "no valid token: send Authorization: Bearer TOKEN"
                raise HTTPException(401, detail, {"www-authenticate": "Bearer"})

    async def _refused(self, request: Request, error: HTTPException) -> Response:
        """Return the answer to a refused request, with reason and remedy, and nothing of the request."""
        status, path = error.status_code, request.scope["path"]
        kind = error.reason if isinstance(error, RefusedError) else _KINDS.get(status, "unknown")
        self._service.counters.failures.labels(kind).inc()
        if status == 422 and path != "/predict":  # the protocol's status for inputs that a model cannot take
            status = 400
        message = f"{error.detail}: see {self._document}" if status in (404, 405) else error.detail
        return Response(error_line(message), status, error.headers, _JSON)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # All unknown paths count as one route, or a client could make any number of series.
        route = scope["path"] if scope["path"] in self._hot else getattr(scope.get("route"), "path", "other")
        self._service.counters.request(route, status, seconds)
        if self._service.settings.access_log:
            entry = {"route": route, "method": scope["method"], "status": status, "ms": round(seconds * 1000, 2)}
            print(json.dumps({"time": round(time.time(), 3), **entry}), flush=True)


def _response(answered: bytes | Response) -> Response:
    return answered if isinstance(answered, Response) else Response(answered, media_type=_JSON)


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    """Read the body of a request; `HTTPException` when it is too large or too slow, or the client has left."""
    body, more = b"", True
    while more and len(body) <= MOST_BYTES:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if message["type"] == "http.disconnect":
        raise HTTPException(499)  # for the counters
    if scope.get("verdict.late"):
        raise HTTPException(408, "the request took too long to arrive: send it again, at once")
    if len(body) > MOST_BYTES:
        raise HTTPException(413, f"the body is larger than {MOST_BYTES:,} bytes: send fewer texts at a time")
    return body
