"""Takes Alertmanager's calls: a token, a bounded body, and an answer only once all of it is on the disk."""

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
    """POST /alerts, and GET /metrics.

    Args:
        token: what Alertmanager must bring.
        delivery: gets what is taken.
        registry: of the counters.
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
            found = parse(await _body(request))
            kept = [alert.payload() for alert in found if not alert.ignored]
            new = delivery.add(kept)
        except ValueError:
            raise HTTPException(400, "this is no call of Alertmanager's webhook, version 4, or not all of it") from None
        except (QueueFullError, sqlite3.Error):  # a status by which Alertmanager calls again
            raise HTTPException(503, "no room to keep it: send it again later") from None
        received.inc(len(found))
        for reason in [alert.ignored or "known" for alert in found if alert.ignored] + ["known"] * (len(kept) - new):
            ignored.labels(reason).inc()
        return JSONResponse({"kept": new})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
        refused.labels(error.status_code).inc()
        return JSONResponse({"error": error.detail}, error.status_code)

    routes = [Route("/alerts", alerts, methods=["POST"]), Route("/metrics", metrics)]
    return Starlette(routes=routes, exception_handlers={HTTPException: refuse})


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BYTES:,} bytes")
    return body
