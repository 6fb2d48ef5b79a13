"""What a server says of itself, over HTTP: ready or not, who it is, what it counted."""

import http.client
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from verdict.delivery.host.state import Release

_SECONDS = 1.0


def request(
    port: int, path: str, body: bytes | None = None, seconds: float = _SECONDS, host: str = "127.0.0.1"
) -> tuple[int, bytes]:
    """Status and body of an answer; status 0 where there is none."""
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
    """Whether it takes requests."""
    return request(port, "/v2/health/ready")[0] == 200


def mismatch(port: int, release: Release) -> str:
    """In which way what answers there is not the release; nothing when it is."""
    status, body = request(port, "/version", seconds=5 * _SECONDS)  # one late answer is not another release
    try:
        said = json.loads(body) if status == 200 else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return f"/version answers {status}, and says nothing of itself"
    for name in ("version", "commit", "artifact"):
        if said.get(name) != getattr(release, name):
            return f"its {name} is {said.get(name)!r}, not {getattr(release, name)!r}"
    return ""


Samples = Mapping[tuple[str, str], float]


def read_metrics(port: int, host: str = "127.0.0.1", path: str = "/metrics") -> dict[tuple[str, str], float]:
    """The values of /metrics by name and labels; empty where there is no answer, or one of something else."""
    status, body = request(port, path, host=host)
    found: dict[tuple[str, str], float] = {}
    with suppress(ValueError):  # a stranger on that port
        for line in body.decode().splitlines() if status == 200 else ():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                head, _, labels = name.partition("{")
                found[head, labels.rstrip("}")] = float(value)
    return found


def increase(now: Samples, then: Samples) -> dict[tuple[str, str], float]:
    """What was counted in between; a server that was started anew counts from 0."""
    return {key: value - then.get(key, 0.0) if value >= then.get(key, 0.0) else value for key, value in now.items()}


def total(found: Samples, name: str, label: str = "") -> int:
    """The sum of a counter over all label sets that hold `label`."""
    return round(sum(value for (head, labels), value in found.items() if head == name and label in labels))


def quantile(many: Iterable[Samples], share: float = 0.99) -> float | None:
    """Seconds within which `share` of the scoring requests were answered, as Prometheus reads it from buckets."""
    steps: dict[float, float] = {0.0: 0.0}
    for found in many:
        for (head, labels), value in found.items():
            if head == "verdict_request_seconds_bucket" and ("/predict" in labels or "/infer" in labels):
                bound = float(dict(part.split("=") for part in labels.split(","))["le"].strip('"'))
                steps[bound] = steps.get(bound, 0.0) + value
    bounds = sorted(steps)
    rank = share * steps[bounds[-1]]
    if not rank:
        return None
    for low, high in pairwise(bounds):
        if steps[high] >= rank:
            if high == float("inf"):
                return low
            return low + (high - low) * (rank - steps[low]) / (steps[high] - steps[low] or 1.0)
    return None


def as_inputs(columns: list[str], texts: Iterable[str]) -> list[Any]:
    """Texts as a service takes them: strings, or objects where the artifact makes its text of several columns."""
    return [text if len(columns) == 1 else dict.fromkeys(columns, text) for text in texts]
