"""Run `verdict feedback` as a process, and post labels to it, many at a time."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from verdict.web.receipts import Receipts

KEY = b"k" * 32
LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class FeedbackProcess:
    """A running `verdict feedback`."""

    process: "subprocess.Popen[bytes]"
    port: int
    metrics: int

    def post(self, body: object, path: str = "/feedback") -> int:
        """Post once; return the status, 0 without an answer."""
        return post_status(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), body, path)

    def metrics_text(self) -> str:
        """The metrics in Prometheus' format."""
        client = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=60)
        client.request("GET", "/metrics")
        return client.getresponse().read().decode()

    def counts(self) -> Counter[tuple[str, str]]:
        """The counts by answer and truth, of all releases."""
        pattern = r'(?m)^verdict_feedback_total{actual="(\w+)",predicted="(\w+)",release="[^"]+"} (\S+)$'
        counts: Counter[tuple[str, str]] = Counter()
        for actual, predicted, number in re.findall(pattern, self.metrics_text()):
            counts[predicted, actual] += int(float(number))
        return counts


@contextmanager
def feedback_process(
    folder: Path,
    database: str,
    *options: str,
    **popen_options: Any,  # noqa: ANN401
) -> Iterator[FeedbackProcess]:
    """Run the process until the block ends."""
    (folder / "key").write_bytes(KEY)
    command = [sys.executable, "-I", "-m", "verdict", "feedback", "--port", "0", "--metrics-port", "0", *options]
    command += ["--receipt-key", str(folder / "key"), "--labels", ",".join(LABELS), "--database", database]
    log = folder / f"log-{time.monotonic_ns()}"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, **popen_options)
    try:
        end, match = time.monotonic() + 60, None
        while match is None and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
            match = re.search(r":(\d+), metrics on port (\d+)", log.read_text())
        assert match is not None, log.read_text()
        yield FeedbackProcess(process, int(match[1]), int(match[2]))
    finally:
        process.kill()
        process.wait(20)


def post_status(client: http.client.HTTPConnection, body: object, path: str = "/feedback") -> int:
    """Post over a connection; return the status, 0 without an answer."""
    try:
        client.request("POST", path, body if isinstance(body, bytes) else json.dumps(body))
        reply = client.getresponse()
        reply.read()
        return reply.status
    except (OSError, http.client.HTTPException):
        client.close()
        return 0


def labels(number: int, release: str = "v1.0.0") -> list[dict[str, str]]:
    """Request bodies with distinct receipts; all pairs of prediction and label in turn."""
    issue = Receipts(KEY).issuer(release, LABELS)
    return [{"receipt": issue(LABELS[place % 3], 0.5), "label": LABELS[place // 3 % 3]} for place in range(number)]


def expected(number: int) -> Counter[tuple[str, str]]:
    """The counts that so many of these bodies give."""
    return Counter((LABELS[place % 3], LABELS[place // 3 % 3]) for place in range(number))


def post_all(ports: Sequence[int], bodies: Sequence[object], threads: int = 32) -> list[int]:
    """Post all bodies over many connections, spread over the processes; return the statuses in order."""

    def part(first: int) -> list[int]:
        clients = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port in ports]
        return [
            post_status(clients[(first + place) % len(clients)], body)
            for place, body in enumerate(bodies[first::threads])
        ]

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(part, range(threads)))
    statuses = [0] * len(bodies)
    for first, part_statuses in enumerate(parts):
        statuses[first::threads] = part_statuses
    return statuses
