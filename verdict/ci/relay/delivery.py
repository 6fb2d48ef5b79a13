"""Sends the queued alerts to GitHub, one after the other, and retries without end."""

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
# Seconds between two tries: twice as long after each failure, up to a limit.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0


class Delivery:
    """Delivers a queue.

    Args:
        queue: the queue of alerts.
        repository: OWNER/NAME on GitHub.
        token: a file with a token that may write contents; read at each try, so it can be replaced at any time.
        url: the address of the API.
        registry: the registry of the counters.
    """

    def __init__(self, queue: Queue, repository: str, token: Path, url: str, registry: CollectorRegistry) -> None:
        self._queue, self._repository, self._token, self._url = queue, repository, token, url
        self._arrived, self._failures, self._last_error, self._unmarked = Event(), 0, "", ""
        name = "verdict_relay"
        self._delivered = Counter(f"{name}_delivered", "alerts that GitHub took", registry=registry)
        self._failed = Counter(f"{name}_failed", "tries; status 0: no answer", ["status"], registry=registry)
        self._last = Gauge(f"{name}_last_success_timestamp_seconds", "when GitHub took one", registry=registry)
        Gauge(f"{name}_waiting", "alerts that GitHub does not have yet", registry=registry).set_function(queue.waiting)

    def add(self, payloads: Sequence[dict[str, str]]) -> int:
        """Add alerts to the queue, and wake the delivery; return how many are new."""
        new = self._queue.add(payloads)
        self._arrived.set()
        return new

    def run(self) -> None:
        """Deliver until the process ends. An error is printed once, and the alert sent again."""
        while True:
            self._arrived.clear()
            try:
                while self.deliver_next():
                    self._failures, self._last_error = 0, ""
                self._arrived.wait()
            except Exception as error:  # any error: if this thread ended, nothing would be delivered
                time.sleep(self._pause(error))

    def deliver_next(self) -> bool:
        """Deliver the next alert, and return whether there was one. Any error that prevents it is raised."""
        self._mark_delivered()
        payload = self._queue.next()
        if payload is None:
            return False
        token = self._token.read_text(encoding="utf-8").strip()
        GitHub(self._repository, token, self._url).dispatch(EVENT, payload)
        self._unmarked = payload["key"]
        self._delivered.inc()
        self._last.set_to_current_time()
        self._mark_delivered()
        return True

    def _mark_delivered(self) -> None:
        """Mark the last alert as delivered. If the disk is full, this is repeated before the next one is sent."""
        if self._unmarked:
            self._queue.delivered(self._unmarked)
            self._unmarked = ""

    def _pause(self, error: Exception) -> float:
        """Count and print a failure; return the seconds until the next try."""
        status, wait = (error.status, error.wait) if isinstance(error, ApiError) else (0, 0)
        self._failed.labels(status).inc()
        self._failures += 1
        if (text := plain(f"{type(error).__name__}: {error}")) != self._last_error:
            self._last_error = text
            print(f"relay: kept, and tried again: {text}", file=sys.stderr, flush=True)
        return max(float(wait), min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 20), _LONGEST_PAUSE))
