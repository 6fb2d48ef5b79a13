"""Tests of verdict/delivery/host/guard.py on a full disk, without a proxy, and with damaged orders."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from verdict.base.errors import VerdictError
from verdict.delivery.host import probe, store
from verdict.delivery.host.actions import FULL
from verdict.delivery.host.guard import Guard
from verdict.delivery.host.host import Host
from verdict.delivery.host.labels import Labels
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.state import CANARY, Order, Release, Slot, Stage, State
from verdict.delivery.host.store import JsonFile, Store

OLD, NEW = (Release(f"v1.{number}.0", f"image@{number}", f"c{number}", f"a{number}") for number in range(2))


@dataclass
class FakeHost(Host):
    """A host that shows what a test sets.

    Args:
        slots: by name.
        canary: counts of the canary.
        weighed: weights that the proxy was given.
        gone: whether the proxy is away.
    """

    slots: dict[str, Slot]
    canary: Counts = field(default_factory=Counts)
    weighed: list[tuple[str, int]] = field(default_factory=list)
    gone: bool = False

    def __post_init__(self) -> None:
        self.proxy = SimpleNamespace(weigh=lambda *given: self.weighed.append(given))  # type: ignore[assignment]
        self.labels = Labels()

    def serving(self) -> Release | None:
        """The stable release."""
        return OLD

    def begin(self) -> None:
        """Do nothing."""

    def look(self, now: float) -> tuple[Counts, Counts, dict[str, Slot]]:
        """Return what the test has set."""
        if self.gone:
            raise VerdictError("socket", "haproxy does not answer", "start haproxy")
        return self.canary, Counts(), self.slots


def guard_with_canary(folder: Path) -> tuple[Guard, FakeHost, Store]:
    """A guard that has a canary at 5 percent."""
    files = Store(folder)
    files.state.write(State(stage=Stage.CANARY, stable=OLD, order=Order("1", NEW)))
    slots = {"a": Slot(OLD, ready=True, weight=FULL), CANARY: Slot(NEW, OLD, ready=True, weight=5)}
    host = FakeHost(slots)
    guard = Guard("production", host, files, clock=lambda: 1.0)
    guard._restarted = False
    return guard, host, files


def test_a_full_disk_does_not_keep_a_bad_canary_with_its_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried is taken back though nothing can be written, once; with room again the file says so."""
    guard, host, files = guard_with_canary(tmp_path)
    host.canary = Counts(requests=100, failures=50)
    with monkeypatch.context() as full:

        def written(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(JsonFile, "write", written)
        full.setattr(Store, "log", written)
        assert guard.turn()
        assert host.weighed == [(CANARY, 0)]
    guard.turn()
    state = files.state.read()
    assert state is not None
    assert (state.stage, state.outcome) == (Stage.SETTLED, "rolled back")


def test_nothing_goes_on_that_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops a promotion before its first step, not the guard, which says why once."""
    guard, host, files = guard_with_canary(tmp_path)
    files.order.write(Order("2", None))
    files.state.write(guard.state)
    guard.state = State(stage=Stage.WATCHED, stable=NEW, previous=OLD)

    def written(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JsonFile, "write", written)
    assert not guard.turn()
    assert not guard.turn()
    assert (guard.state.stage, host.weighed) == (Stage.WATCHED, [])
    told = [event["why"] for event in files.events() if event["what"] == "error"]
    assert told == ["[Errno 28] No space left on device"]


def test_a_request_that_nobody_can_read_does_not_blind_the_guard(tmp_path: Path) -> None:
    """It is laid aside and told of, and the canary is looked at all the same."""
    guard, host, files = guard_with_canary(tmp_path)
    host.canary = Counts(requests=100, failures=50)
    (tmp_path / "ask.json").write_text('{"name": ')
    assert guard.turn()
    assert host.weighed == [(CANARY, 0)]
    assert (tmp_path / "ask.bad").exists()
    assert files.order.read() is None
    assert any(event["what"] == "error" and "ask.json" in str(event["where"]) for event in files.events())


def test_what_has_no_effect_is_not_done_in_haste(tmp_path: Path) -> None:
    """A weight that the proxy does not take is asked for at each look, which waits, and told of once."""
    guard, host, files = guard_with_canary(tmp_path)
    host.slots[CANARY] = Slot(NEW, OLD, ready=True, weight=0)
    guard.turn()
    assert [guard.turn() for _ in range(3)] == [False] * 3
    assert len(host.weighed) == 4
    assert sum(event["what"] == "did" for event in files.events()) == 1


def test_a_proxy_that_is_gone_is_told_of_once(tmp_path: Path) -> None:
    """Each time that it goes, however often it is asked; and no more once it is back."""
    guard, host, files = guard_with_canary(tmp_path)
    for gone in (True, True, False, False, True):
        host.gone = gone
        guard.turn()
        assert files.last_error() == ("socket: haproxy does not answer; remedy: start haproxy" if gone else "")
    assert sum(event["what"] == "error" for event in files.events(50)) == 2


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system names no file when a disk is full, and half a file would take the room that is left."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("verdict.delivery.host.store.os.fsync", full)
    with pytest.raises(OSError, match=r"ask\.json"):
        Store(tmp_path).order.write(Order("1", None))
    assert list(tmp_path.iterdir()) == []


def test_the_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long one becomes the one before, of which there is one."""
    monkeypatch.setattr(store, "_MOST", 500)
    files = Store(tmp_path)
    for number in range(100):
        files.log("did", number=number)
    assert sum(path.stat().st_size for path in tmp_path.glob("events.*")) < 1_200
    assert files.events(1)[0]["number"] == 99


@pytest.mark.parametrize("body", [b"<html>\n<p>hello</p>\n", b"\xff\xfe", b"a b\n\nc", b""])
def test_a_stranger_at_the_port_of_figures_has_none(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no number is left out, and stops no guard."""
    monkeypatch.setattr(probe, "request", lambda *_, **__: (200, body))
    assert probe.read_metrics(1) == {}


def test_a_guard_that_begins_writes_what_it_took_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all that serves would differ from the state. Old trouble is over; a state that is there stays."""

    def ended(_: Guard) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Guard, "turn", ended)
    files = Store(tmp_path)
    for state in (State(stable=OLD), State(stable=NEW)):
        files.log("error", where="socket", why="haproxy does not answer")
        with pytest.raises(KeyboardInterrupt):
            Guard("production", FakeHost({}), files).run()
        assert files.last_error() == ""
        assert files.state.read() == state
        files.state.write(State(stable=NEW))
