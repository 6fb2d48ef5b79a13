"""The folder of a guard: its state, the order that it is given, and its log of events."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from verdict.base.errors import VerdictError
from verdict.delivery.host.state import Order, State

_Value = TypeVar("_Value")
# Bytes of the log, and of the older one.
_MOST = 10_000_000


class JsonFile(Generic[_Value]):
    """A file that holds one value as JSON: after a crash it holds the value before, or the new one."""

    def __init__(self, path: Path, kind: type[_Value]) -> None:
        self.path, self._adapter = path, TypeAdapter(kind)

    def read(self) -> _Value | None:
        """The value; None where there is no file."""
        try:
            return self._adapter.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            what = f"not what this version writes: {error.errors()[0]['msg']}"
            remedy = f"mv {self.path} {self.path}.old; what serves stays, `verdict deploy` goes on"
            raise VerdictError(str(self.path), what, remedy) from None

    def write(self, value: _Value) -> None:
        """Replace the value; once this returns, it survives a loss of power."""
        partial = self.path.with_suffix(f".{os.getpid()}.partial")  # two processes may write at once
        try:
            with partial.open("wb") as file:
                file.write(self._adapter.dump_json(value, indent=1, by_alias=True))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:  # which names no file when a disk is full
            partial.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        folder = os.open(self.path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Store:
    """The folder of a guard; only its user may read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state, self.order = JsonFile(folder / "state.json", State), JsonFile(folder / "ask.json", Order)
        self.recorded = JsonFile(folder / "recorded.json", str)  # the version that the environment's tag names
        self._events = folder / "events.jsonl"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; `VerdictError` when another guard does. The lock ends with the process, however it ends."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                remedy = "end one of them: pgrep -af 'verdict guard'"
                raise VerdictError(str(self.folder), "another guard runs here", remedy) from None
            yield

    def is_guarded(self) -> bool:
        """Return whether a guard holds the folder."""
        try:
            with (self.folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def last_error(self) -> str:
        """Return the error that stops the guard; empty unless it is the last event."""
        events = self.events(1)
        if not events or events[0]["what"] != "error":
            return ""
        (event,) = events
        remedy = f"; remedy: {event['remedy']}" if event.get("remedy") else ""
        return f"{event['where']}: {event['why']}{remedy}"

    def remove_order(self, order: Order) -> None:
        """Remove an order that was followed, unless another one was given since."""
        if self.order.read() == order:
            self.order.path.unlink(missing_ok=True)

    def set_order_aside(self) -> None:
        """Move an order that cannot be read out of the way."""
        self.order.path.replace(self.order.path.with_suffix(".bad"))

    def log(self, what: str, **details: object) -> None:
        """Add a line to events.jsonl, with counts, never with a text of a user."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "what": what, **details}
        with suppress(FileNotFoundError):
            if self._events.stat().st_size > _MOST:
                self._events.replace(self._events.with_suffix(".old"))
        with self._events.open("a", encoding="utf-8") as events:
            events.write(json.dumps(line, ensure_ascii=False) + "\n")

    def events(self, last: int = 10) -> list[dict[str, object]]:
        """Return the last events."""
        try:
            lines = self._events.read_text(encoding="utf-8").splitlines()[-last:]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("}")]
