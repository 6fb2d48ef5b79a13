"""What every request passes first: who may ask, how many at a time, what is counted; no failure shows a text."""

import hmac
import json
import sys
import time
import traceback
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verdict.serving.refusals import GoneError, Refusal, refuse
from verdict.serving.service import Service
from verdict.serving.settings import NAME

# What is counted by name; whatever else is asked for is one route, or a stranger could make as many as he likes.
_OPEN = {"/", "/health", "/v2/health/live", "/v2/health/ready"}
_ROUTES = {*_OPEN, "/predict", "/version", "/docs", "/openapi.json", "/v2"}


class Front:
    """The outermost application: bounds, token, counters, access log.

    Args:
        app: FastAPI's application, with all routes.
        service: what is served.
        hot: routes of `app`, by method and path, that are called without what FastAPI does for each request, which
            takes as long as half of a prediction.
    """

    def __init__(self, app: ASGIApp, service: Service, hot: Mapping[tuple[str, str], ASGIApp]) -> None:
        self._app, self._service, self._hot, self._working = app, service, hot, 0
        self._most, self._log = service.settings.requests, service.settings.access_log
        token = service.settings.token
        self._expected = f"Bearer {token}".encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass; count how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._working += 1
        try:
            self._require_passing(scope)
            await self._hot.get((scope["method"], scope["path"]), self._app)(scope, receive, noted)
        except Refusal as refusal:
            self._service.counters.failure(refusal.kind)
            await refuse(noted, refusal)
        except GoneError:
            self._service.counters.failure("gone")
        except Exception as error:
            self._service.counters.failure("defect")
            _report(error)
            if not status:
                await refuse(noted, Refusal(500, "defect", "a defect of the service: its log says where"))
        finally:
            self._working -= 1
            self._count(scope, status, time.perf_counter() - started)

    def _require_passing(self, scope: Scope) -> None:
        if self._working > self._most:
            raise Refusal(429, "busy", "too many requests at a time: try again in a second")
        if self._expected is not None and scope["path"] not in _OPEN:
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._expected):
                raise Refusal(401, "token", "no valid token: send the header Authorization: Bearer TOKEN")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope["path"])
        self._service.counters.request(route, status, seconds)
        if self._log:
            line = {"route": route, "method": scope["method"], "status": status, "ms": round(seconds * 1000, 2)}
            print(json.dumps({"time": round(time.time(), 3), **line}), flush=True)


def _route(path: str) -> str:
    if path in _ROUTES:
        return path
    return f"/v2/models/{NAME}" if path.startswith(f"/v2/models/{NAME}") else "other"


def _report(error: Exception) -> None:
    """Say on standard error where a defect is. Its message stays out: it may hold a part of a text."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    print(f"defect: {type(error).__name__} at {' < '.join(reversed(places))}", file=sys.stderr, flush=True)
