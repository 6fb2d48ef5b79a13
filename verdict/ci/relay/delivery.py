"""Takes what waits to GitHub, one after the other, for as long as it takes."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from prometheus_client import CollectorRegistry, Counter, Gauge

from verdict.base.printable import plain
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.relay.queue import Queue

EVENT = "retrain"
# Seconds between two tries: twice as long after each failure, up to the last.
_FIRST, _LAST = 1.0, 300.0


class Delivery:
    """Delivers a queue.

    Args:
        queue: what waits.
        repository: OWNER/NAME on GitHub.
        token: a file with a token that may write contents; read at each try, so it can be replaced at any time.
        url: of the API.
        registry: of the counters.
    """

    def __init__(self, queue: Queue, repository: str, token: Path, url: str, registry: CollectorRegistry) -> None:
        self._queue, self._repository, self._token, self._url = queue, repository, token, url
        self._arrived, self._failures, self._trouble, self._unwritten = Event(), 0, "", ""
        name = "verdict_relay"
        self._delivered = Counter(f"{name}_delivered", "alerts that GitHub took", registry=registry)
        self._failed = Counter(f"{name}_failed", "tries; status 0: no answer", ["status"], registry=registry)
        self._last = Gauge(f"{name}_last_success_timestamp_seconds", "when GitHub took one", registry=registry)
        Gauge(f"{name}_waiting", "alerts that GitHub does not have yet", registry=registry).set_function(queue.waiting)

    def add(self, payloads: Sequence[dict[str, str]]) -> int:
        """Take alerts as the queue does; how many are new."""
        new = self._queue.add(payloads)
        self._arrived.set()
        return new

    def run(self) -> None:
        """Deliver until the process ends. What goes wrong is told once, and tried again."""
        while True:
            self._arrived.clear()
            try:
                while self.turn():
                    self._failures, self._trouble = 0, ""
                self._arrived.wait()
            except Exception as error:  # whatever it is: an end of this thread would be silence
                time.sleep(self._pause(error))

    def turn(self) -> bool:
        """Deliver one; whether there was one. Raises whatever kept it from GitHub."""
        self._note()
        payload = self._queue.next()
        if payload is None:
            return False
        token = self._token.read_text(encoding="utf-8").strip()
        GitHub(self._repository, token, self._url).dispatch(EVENT, payload)
        self._unwritten = payload["key"]
        self._delivered.inc()
        self._last.set_to_current_time()
        self._note()
        return True

    def _note(self) -> None:
        """Write that GitHub has what it took; where the disk is full, again before anything else is sent."""
        if self._unwritten:
            self._queue.delivered(self._unwritten)
            self._unwritten = ""

    def _pause(self, error: Exception) -> float:
        """Count and tell a failure; the seconds until the next try."""
        status, asked = (error.status, error.wait) if isinstance(error, ApiError) else (0, 0)
        self._failed.labels(status).inc()
        self._failures += 1
        if (trouble := plain(f"{type(error).__name__}: {error}")) != self._trouble:
            self._trouble = trouble
            print(f"relay: kept, and tried again: {trouble}", file=sys.stderr, flush=True)
        return max(float(asked), min(_FIRST * 2.0 ** min(self._failures - 1, 20), _LAST))
