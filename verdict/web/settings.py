"""Settings of an HTTP service: addresses, and limits of requests."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """Addresses and limits.

    Args:
        host: address for users.
        port: for users; 0 for any free one.
        metrics_host: address for Prometheus.
        metrics_port: for Prometheus; 0 for any free one.
        token: that users must send (`Authorization: Bearer`); None for none.
        access_log: whether each request is a line on standard output, without texts.
        drain: seconds for which the process answers after SIGTERM, while it says that it is not ready.
        seconds: in which a request must arrive.
        connections: limit of open ones.
        requests: limit of those in work.
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
