"""What an operator chooses, and the bounds of a request."""

import json
from dataclasses import dataclass
from pathlib import Path

# Of one request: bytes of its body, texts in it, characters of a text. All of it is scored in about a second at most.
MOST_BYTES, MOST_TEXTS, MOST_CHARACTERS = 1_000_000, 256, 100_000
NAME = "classifier"


@dataclass(frozen=True)
class Settings:
    """How a service runs.

    Args:
        model: the folder of the artifact that users get.
        reference: what the words of texts are counted by; None for what lies beside that folder, if it does.
        beside: a second artifact, whose answers are compared and counted, and never given.
        release: the version that answers name, and the commit that it was made from.
        commit: see `release`.
        host: where users ask.
        port: see `host`; 0 for any that is free.
        metrics_host: where Prometheus asks.
        metrics_port: see `metrics_host`.
        token: what users must bring (`Authorization: Bearer`); None for nothing.
        receipt_key: what receipts are signed with; None for a key that ends with the process.
        access_log: whether each request is a line of standard output, without texts.
        drain: seconds for which the service goes on after SIGTERM, while /v2/health/ready says no.
        seconds: how long a request may take to arrive.
        connections: how many may be open.
        requests: how many may be worked on.
        waiting: how many texts may wait for an encoder.
    """

    model: Path
    reference: Path | None = None
    beside: Path | None = None
    release: str = "unreleased"
    commit: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8001
    token: bytes | None = None
    receipt_key: bytes | None = None
    access_log: bool = False
    drain: float = 0.0
    seconds: float = 10.0
    connections: int = 1_000
    requests: int = 512
    waiting: int = 512


def line(message: str) -> bytes:
    """An error as a line of JSON."""
    return json.dumps({"error": message}).encode() + b"\n"
