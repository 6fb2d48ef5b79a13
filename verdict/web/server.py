"""Runs an application under uvicorn, with a separate port for Prometheus, and ends without dropping a request."""

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

# Seconds for requests in work when the process must end.
GRACE = 25


class Server(uvicorn.Server):
    """uvicorn; after SIGTERM it takes requests for a while, because proxies notice late that it ends."""

    def __init__(self, application: ASGIApp, service: WebService) -> None:
        bounds = {"seconds": service.settings.seconds, "most": service.settings.connections}
        config = uvicorn.Config(application, loop="uvloop", access_log=False, log_level="error")
        config.http = type("Protocol", (BoundedProtocol,), bounds)
        config.ws, config.lifespan, config.server_header, config.proxy_headers = "none", "off", False, False
        # Idle connections live longer than a proxy's, so that the proxy ends them; requests in work have GRACE.
        config.timeout_keep_alive, config.timeout_graceful_shutdown = 75, GRACE
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Mark the service as ending; end at once, or after `drain` seconds."""
        seconds = sig == signal.SIGTERM and not self._service.draining and self._service.settings.drain
        self._service.draining = True
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._end)
        else:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self._end()

    def _end(self) -> None:
        self.should_exit = True  # uvicorn's own handler would let the process die of the signal


def run(application: ASGIApp, service: WebService, title: str) -> None:
    """Answer until the process is told to end; `VerdictError` when a port is taken.

    Args:
        application: answers the requests.
        service: its settings and counters.
        title: the first words of the line that names the addresses.
    """
    settings = service.settings
    listener = listen(settings.host, settings.port)
    with naming_address(settings.metrics_host, settings.metrics_port, "--metrics-port"):
        metrics, _ = start_http_server(settings.metrics_port, settings.metrics_host, service.counters.registry)
    metrics.set_app(_with_pages(service.pages, make_wsgi_app(service.counters.registry)))
    address, port = listener.getsockname()[:2]
    print(f"{title}, on http://{address}:{port}, metrics on port {metrics.server_port}", flush=True)
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
    """Return a socket that takes connections; `VerdictError` when the port is taken."""
    with naming_address(host, port, "--port"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)


@contextmanager
def naming_address(host: str, port: int, option: str) -> Iterator[None]:
    """Turn an error of listening into a `VerdictError` that names the address and the option."""
    try:
        yield
    except OSError as error:
        what = f"cannot listen there: {error.strerror or error}"
        raise VerdictError(f"{host}:{port}", what, f"{option} with a free port, or 0 for any") from None
