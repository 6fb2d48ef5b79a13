"""A client of a service in this process, without a socket."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from starlette.types import Message, Scope

from verdict.serving.routes import application
from verdict.serving.service import Service
from verdict.serving.settings import Settings


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body, parsed."""
        return json.loads(self.body)


class ServiceClient:
    """A service and its application."""

    def __init__(self, model: Path, **settings: Any) -> None:  # noqa: ANN401 - of Settings
        self.service = Service(Settings(model, **settings))
        self.application = application(self.service)

    def get(self, path: str, **headers: str) -> Reply:
        """Send a GET."""
        return self.request("GET", path, b"", **headers)

    def post(self, path: str, body: object, **headers: str) -> Reply:
        """Send a POST: bytes as they are, other bodies as JSON."""
        return self.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)

    def request(self, method: str, path: str, body: bytes, **headers: str) -> Reply:
        """Send a request, and wait for the tasks that it starts."""
        return asyncio.run(self._settled(method, path, body, headers))

    async def _settled(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        reply = await self.reply(method, path, body, headers)
        while self.service._comparisons:
            await asyncio.sleep(0.001)
        return reply

    async def reply(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """Send a request from a running event loop."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.application(scope_of(method, path, headers or {}), receive, send)
        head, *rest = sent
        fields = {name.decode(): value.decode() for name, value in head["headers"]}
        return Reply(head["status"], fields, b"".join(part["body"] for part in rest))

    def metrics(self) -> str:
        """Return the metrics, as Prometheus reads them."""
        return generate_latest(self.service.counters.registry).decode()


def scope_of(method: str, path: str, headers: dict[str, str]) -> Scope:
    """Return a request as a server passes it on."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
