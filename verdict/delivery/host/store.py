"""What a guard keeps: its state, what happened, and what was asked for. A file is whole or it is the one before."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from verdict.base.errors import VerdictError
from verdict.delivery.host.state import Ask, State

_Kind = TypeVar("_Kind")
_STATE: TypeAdapter[State] = TypeAdapter(State)
_ASK: TypeAdapter[Ask] = TypeAdapter(Ask)
# Bytes of the log, and as many of the one before.
_MOST = 10_000_000
_TEXT: TypeAdapter[str] = TypeAdapter(str)


class Store:
    """The folder of a guard, open to its user alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._state, self._ask, self._events = folder / "state.json", folder / "ask.json", folder / "events.jsonl"
        self._recorded = folder / "recorded.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder; `VerdictError` when another guard does. The lock ends with the process, however it ends."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                remedy = "end one of them: pgrep -af 'verdict guard'"
                raise VerdictError(str(self.folder), "another guard runs here", remedy) from None
            yield

    def guarded(self) -> bool:
        """Whether a guard holds the folder."""
        try:
            with (self.folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def trouble(self) -> str:
        """What keeps the guard from going on, by its last line."""
        last = self.events(1)
        if not last or last[0]["what"] != "error":
            return ""
        remedy = f"; remedy: {last[0]['remedy']}" if last[0].get("remedy") else ""
        return f"{last[0]['where']}: {last[0]['why']}{remedy}"

    def state(self) -> State | None:
        """The state as it was written last; None where there is none."""
        return _read(_STATE, self._state)

    def write_state(self, state: State) -> None:
        """Write the state; once this returns it survives a loss of power."""
        _write(self._state, _STATE.dump_json(state, indent=1))

    def ask(self) -> Ask | None:
        """What is asked for."""
        return _read(_ASK, self._ask)

    def write_ask(self, ask: Ask) -> None:
        """Ask the guard."""
        _write(self._ask, _ASK.dump_json(ask, indent=1))

    def lay_aside(self) -> None:
        """Move what is asked for out of the way."""
        self._ask.replace(self._ask.with_suffix(".bad"))

    def forget_ask(self, ask: Ask) -> None:
        """Remove what was followed, unless something else was asked for since."""
        if self.ask() == ask:
            self._ask.unlink(missing_ok=True)

    def recorded(self) -> str:
        """The version that the environment's tag says, as far as this host was told."""
        return _read(_TEXT, self._recorded) or ""

    def write_recorded(self, version: str) -> None:
        """Keep what the tag says now."""
        _write(self._recorded, _TEXT.dump_json(version))

    def say(self, what: str, **details: object) -> None:
        """Add a line to events.jsonl: who, what, why, with counts. No text ever."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "what": what, **details}
        with suppress(FileNotFoundError):
            if self._events.stat().st_size > _MOST:
                self._events.replace(self._events.with_suffix(".old"))
        with self._events.open("a", encoding="utf-8") as events:
            events.write(json.dumps(line, ensure_ascii=False) + "\n")

    def events(self, last: int = 10) -> list[dict[str, object]]:
        """The last lines."""
        try:
            lines = self._events.read_text(encoding="utf-8").splitlines()[-last:]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("}")]


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")  # two may ask at once
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:  # which names no file when a disk is full
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    folder = os.open(path.parent, os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(adapter: TypeAdapter[_Kind], path: Path) -> _Kind | None:
    try:
        return adapter.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        what = f"not what this version writes: {error.errors()[0]['msg']}"
        raise VerdictError(
            str(path), what, f"mv {path} {path}.old; what serves stays, `verdict deploy` goes on"
        ) from None
