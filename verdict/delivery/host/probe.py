"""HTTP requests to a server on this host: whether it is ready, which release it is, and what it has counted."""

import http.client
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from verdict.delivery.host.state import Release

_SECONDS = 1.0
# Values of /metrics by name and labels.
Samples = Mapping[tuple[str, str], float]


def request(
    port: int, path: str, body: bytes | None = None, seconds: float = _SECONDS, host: str = "127.0.0.1"
) -> tuple[int, bytes]:
    """Return status and body of an answer; status 0 where there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET" if body is None else "POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def is_ready(port: int) -> bool:
    """Return whether a server takes requests."""
    return request(port, "/v2/health/ready")[0] == 200


def mismatch(port: int, release: Release) -> str:
    """Return how a server differs from a release; empty when it does not."""
    status, body = request(port, "/version", seconds=5 * _SECONDS)  # one late answer is not another release
    try:
        version = json.loads(body) if status == 200 else None
    except ValueError:
        version = None
    if not isinstance(version, dict):
        return f"/version answers {status}, and says nothing of itself"
    for name in ("version", "commit", "artifact"):
        if version.get(name) != getattr(release, name):
            return f"its {name} is {version.get(name)!r}, not {getattr(release, name)!r}"
    return ""


def read_metrics(port: int, host: str = "127.0.0.1", path: str = "/metrics") -> dict[tuple[str, str], float]:
    """Read the values of /metrics; empty where nothing answers, or another program."""
    status, body = request(port, path, host=host)
    samples: dict[tuple[str, str], float] = {}
    with suppress(ValueError):  # another program on that port
        for line in body.decode().splitlines() if status == 200 else ():
            if line and not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name, _, labels = series.partition("{")
                samples[name, labels.rstrip("}")] = float(value)
    return samples


def increase(now: Samples, before: Samples) -> dict[tuple[str, str], float]:
    """Return the increase of each counter; one that fell was reset to 0 by a restart."""
    return {key: value - before.get(key, 0.0) if value >= before.get(key, 0.0) else value for key, value in now.items()}


def total(samples: Samples, name: str, label: str = "") -> int:
    """Return the sum of a counter over all label sets that hold `label`."""
    return round(sum(value for (head, labels), value in samples.items() if head == name and label in labels))


def quantile(servers: Iterable[Samples], share: float = 0.99) -> float | None:
    """Return the seconds in which `share` of the scoring requests were answered, interpolated as Prometheus does it."""
    buckets: dict[float, float] = {0.0: 0.0}
    for samples in servers:
        for (name, labels), value in samples.items():
            if name == "verdict_request_seconds_bucket" and ("/predict" in labels or "/infer" in labels):
                bound = float(dict(part.split("=") for part in labels.split(","))["le"].strip('"'))
                buckets[bound] = buckets.get(bound, 0.0) + value
    bounds = sorted(buckets)
    rank = share * buckets[bounds[-1]]
    if not rank:
        return None
    for low, high in pairwise(bounds):
        if buckets[high] >= rank:
            if high == float("inf"):
                return low
            return low + (high - low) * (rank - buckets[low]) / (buckets[high] - buckets[low] or 1.0)
    return None


def as_inputs(columns: list[str], texts: Iterable[str]) -> list[Any]:
    """Return texts as a service takes them: strings, or objects where the artifact has several columns."""
    return [text if len(columns) == 1 else dict.fromkeys(columns, text) for text in texts]
