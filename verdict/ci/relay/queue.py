"""The queue of alerts for GitHub: on the disk before Alertmanager gets its answer, and until GitHub has them."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from verdict.base.errors import VerdictError

# The most alerts that may wait, and the number of delivered ones that are remembered.
MOST, KNOWN = 1_000, 5_000
_BEGIN = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA synchronous = EXTRA",
    "CREATE TABLE IF NOT EXISTS alerts (key TEXT PRIMARY KEY, payload TEXT, tries INTEGER, delivered INTEGER)",
    "UPDATE alerts SET tries = 0",  # takes the lock, which ends with the process
)
_NEXT = "SELECT key, payload FROM alerts WHERE NOT delivered ORDER BY tries, rowid LIMIT 1"
_FORGET = "DELETE FROM alerts WHERE delivered AND rowid <= (SELECT max(rowid) FROM alerts) - ?"


class QueueFullError(Exception):
    """The queue is full."""


class Queue:
    """A SQLite file, locked by one process. A finished write survives kill -9 and a loss of power."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(path, timeout=0, check_same_thread=False)
            for statement in _BEGIN:
                self._write(statement)
        except sqlite3.Error as error:
            move = f"mv {path} {path}.old"
            remedy = f"is its folder there? Does another relay run? Else, without what waits there: {move}"
            raise VerdictError(str(path), f"no queue of this process: {error}", remedy) from None

    def add(self, payloads: Sequence[dict[str, str]]) -> int:
        """Add all alerts, and return how many were new; after `QueueFullError` or `sqlite3.Error` none is added."""
        rows = [(payload["key"], json.dumps(payload, ensure_ascii=False)) for payload in payloads]
        with self._lock, self._db:
            before = self._db.total_changes
            self._db.executemany("INSERT OR IGNORE INTO alerts VALUES (?, ?, 0, 0)", rows)
            new = self._db.total_changes - before
            if new and self._count() > MOST:
                raise QueueFullError
        return new

    def next(self) -> dict[str, str] | None:
        """Return the oldest of the least tried alerts. The try is recorded first, so a full disk sends none twice."""
        with self._lock:
            row = self._db.execute(_NEXT).fetchone()
        if row is None:
            return None
        self._write("UPDATE alerts SET tries = tries + 1 WHERE key = ?", row[0])
        payload: dict[str, str] = json.loads(row[1])
        return payload

    def delivered(self, key: str) -> None:
        """Record that GitHub has an alert, and delete the oldest delivered ones."""
        self._write("UPDATE alerts SET delivered = 1 WHERE key = ?", key)
        self._write(_FORGET, KNOWN)

    def waiting(self) -> int:
        """Return the number of alerts that GitHub does not have yet."""
        with self._lock:
            return self._count()

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM alerts WHERE NOT delivered").fetchone()[0])

    def _write(self, statement: str, *values: Any) -> None:  # noqa: ANN401 - of SQL
        with self._lock, self._db:
            self._db.execute(statement, values)
