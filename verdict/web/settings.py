"""Where a process listens, and what it takes of strangers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """Addresses, and limits of what is asked.

    Args:
        host: where users ask.
        port: see `host`; 0 for any that is free.
        metrics_host: where Prometheus asks.
        metrics_port: see `metrics_host`.
        token: what users must bring (`Authorization: Bearer`); None for nothing.
        access_log: whether each request is a line of standard output, without texts.
        drain: seconds for which the process goes on after SIGTERM, while it says that it is not ready.
        seconds: how long a request may take to arrive.
        connections: how many may be open.
        requests: how many may be worked on.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8001
    token: bytes | None = None
    access_log: bool = False
    drain: float = 0.0
    seconds: float = 10.0
    connections: int = 1_000
    requests: int = 512
