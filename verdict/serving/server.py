"""Runs the service: uvicorn for users, a port of its own for Prometheus, and an end that drops no request."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from prometheus_client import start_http_server

from verdict.base.errors import VerdictError
from verdict.serving.protocol import BoundedProtocol
from verdict.serving.routes import application
from verdict.serving.service import Service
from verdict.serving.settings import Settings

# Seconds for what is being answered when the process must end.
GRACE = 25


class Server(uvicorn.Server):
    """uvicorn; after SIGTERM it takes requests for a while: those who send them learn late that it ends."""

    def __init__(self, service: Service) -> None:
        bounds = {"seconds": service.settings.seconds, "most": service.settings.connections}
        config = uvicorn.Config(application(service), loop="uvloop", access_log=False, log_level="error")
        config.http = type("Protocol", (BoundedProtocol,), bounds)
        config.ws, config.lifespan, config.server_header, config.proxy_headers = "none", "off", False, False
        # An idle connection lives longer than a proxy's: it is the proxy that ends it. What has begun has GRACE.
        config.timeout_keep_alive, config.timeout_graceful_shutdown = 75, GRACE
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say that it ends; end at once, or after `drain` seconds."""
        waits = sig == signal.SIGTERM and not self._service.draining and self._service.settings.drain
        self._service.draining = True
        if waits:
            asyncio.get_running_loop().call_later(waits, self._end)
        else:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self._end()

    def _end(self) -> None:
        self.should_exit = True  # not by uvicorn's way, by which the process dies of the signal


def serve(settings: Settings) -> None:
    """Answer until the process is told to end.

    Raises:
        VerdictError: an artifact is damaged or foreign, or a port is taken.
    """
    service = Service(settings)
    listener = listen(settings.host, settings.port)
    with _taken(settings.metrics_host, settings.metrics_port, "--metrics-port"):
        metrics, _ = start_http_server(settings.metrics_port, settings.metrics_host, service.counters.registry)
    gc.freeze()  # the vocabulary is never garbage: no collection looks through it
    gc.set_threshold(10_000, 20, 20)
    address, port = listener.getsockname()[:2]
    where = f"http://{address}:{port}, metrics on port {metrics.server_port}"
    print(f"serve: {settings.release}, artifact {service.artifact.hash[:12]}, on {where}", flush=True)
    Server(service).run([listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; `VerdictError` when the port is taken."""
    with _taken(host, port, "--port"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)


@contextmanager
def _taken(host: str, port: int, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"cannot listen there: {error.strerror or error}"
        raise VerdictError(f"{host}:{port}", what, f"{option} with a free port, or 0 for any") from None
