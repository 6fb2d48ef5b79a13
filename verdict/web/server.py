"""Runs an application under uvicorn: a port of its own for Prometheus, and an end that drops no request."""

import asyncio
import signal
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import uvicorn
from prometheus_client import make_wsgi_app, start_http_server
from starlette.types import ASGIApp

from verdict.base.errors import VerdictError
from verdict.web.protocol import BoundedProtocol
from verdict.web.service import WebService

# Seconds for what is being answered when the process must end.
GRACE = 25


class Server(uvicorn.Server):
    """uvicorn; after SIGTERM it takes requests for a while: those who send them learn late that it ends."""

    def __init__(self, application: ASGIApp, service: WebService) -> None:
        bounds = {"seconds": service.settings.seconds, "most": service.settings.connections}
        config = uvicorn.Config(application, loop="uvloop", access_log=False, log_level="error")
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


def run(application: ASGIApp, service: WebService, told: str) -> None:
    """Answer until the process is told to end; `VerdictError` when a port is taken.

    Args:
        application: what answers.
        service: its bounds and counters.
        told: the first words of the line that says where it listens.
    """
    settings = service.settings
    listener = listen(settings.host, settings.port)
    with naming_address(settings.metrics_host, settings.metrics_port, "--metrics-port"):
        metrics, _ = start_http_server(settings.metrics_port, settings.metrics_host, service.counters.registry)
    metrics.set_app(_with_pages(service.pages, make_wsgi_app(service.counters.registry)))
    address, port = listener.getsockname()[:2]
    print(f"{told}, on http://{address}:{port}, metrics on port {metrics.server_port}", flush=True)
    Server(application, service).run([listener])


def _with_pages(pages: Mapping[str, bytes], application: WSGIApplication) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        page = pages.get(environ["PATH_INFO"])
        if page is None:
            return application(environ, start)
        start("200 OK", [("Content-Type", "application/json")])
        return [page]

    return answer


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; `VerdictError` when the port is taken."""
    with naming_address(host, port, "--port"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)


@contextmanager
def naming_address(host: str, port: int, option: str) -> Iterator[None]:
    """Let what listens there fail with a `VerdictError` that names the address and the option."""
    try:
        yield
    except OSError as error:
        what = f"cannot listen there: {error.strerror or error}"
        raise VerdictError(f"{host}:{port}", what, f"{option} with a free port, or 0 for any") from None
