"""Receives Alertmanager's calls: checks the token, bounds the body, and answers once all alerts are on the disk."""

import hmac
import sqlite3

from prometheus_client import CollectorRegistry, Counter, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from verdict.ci.relay.alerts import parse
from verdict.ci.relay.delivery import Delivery
from verdict.ci.relay.queue import QueueFullError

MOST_BYTES = 1_000_000


def application(token: bytes, delivery: Delivery, registry: CollectorRegistry) -> Starlette:
    """Create the application with POST /alerts and GET /metrics.

    Args:
        token: the token that Alertmanager must send.
        delivery: receives the alerts.
        registry: the registry of the counters.
    """
    received = Counter("verdict_relay_received", "alerts that came", registry=registry)
    ignored = Counter("verdict_relay_ignored", "alerts that go no further", ["reason"], registry=registry)
    for reason in ("resolved", "foreign", "known"):
        ignored.labels(reason)  # at 0 from the start
    refused = Counter("verdict_relay_refused", "calls without effect", ["status"], registry=registry)

    async def alerts(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), b"Bearer " + token):
            raise HTTPException(401, "send Authorization: Bearer TOKEN")
        try:
            parsed = parse(await _body(request))
            payloads = [alert.payload() for alert in parsed if not alert.ignored]
            new = delivery.add(payloads)
        except ValueError:
            raise HTTPException(400, "this is no call of Alertmanager's webhook, version 4, or not all of it") from None
        except (QueueFullError, sqlite3.Error):  # after this status Alertmanager calls again
            raise HTTPException(503, "no room to keep it: send it again later") from None
        received.inc(len(parsed))
        for reason in [alert.ignored for alert in parsed if alert.ignored] + ["known"] * (len(payloads) - new):
            ignored.labels(reason).inc()
        return JSONResponse({"kept": new})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - the only error that it is registered for
        refused.labels(error.status_code).inc()
        return JSONResponse({"error": error.detail}, error.status_code)

    routes = [Route("/alerts", alerts, methods=["POST"]), Route("/metrics", metrics)]
    return Starlette(routes=routes, exception_handlers={HTTPException: refuse})


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BYTES:,} bytes")
    return body
