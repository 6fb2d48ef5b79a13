"""Tests of verdict/delivery/host/orders.py and `verdict deploy`: who asks learns how it ended, and waits for nobody."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.cli.deploy import follow as wait
from verdict.cli.exits import exit_1_on_error
from verdict.delivery.host import orders
from verdict.delivery.host.proxy import Proxy, ServerStats
from verdict.delivery.host.servers import Ports
from verdict.delivery.host.settings import Settings, load
from verdict.delivery.host.state import CANARY, Order, Release, Stage, State
from verdict.delivery.host.store import Store

OLD, NEW = (Release(f"v1.{number}.0", f"image@{number}", f"c{number}", f"a{number}") for number in range(2))
DEPLOY, BACK = Order("1", NEW), Order("2", None)


def settings(folder: Path, *servers: str) -> Settings:
    """A host with so many servers."""
    ports = {name: Ports(8000 + number, 9000 + number) for number, name in enumerate((*servers, CANARY))}
    return Settings(environment="production", folder=folder, engine="processes", socket=folder / "socket", places=ports)


def followed(folder: Path, monkeypatch: pytest.MonkeyPatch, *moments: Callable[[Store], None]) -> tuple[str, list[str]]:
    """The outcome that who asked for DEPLOY is told, and the lines, where this happens between two looks."""
    store, waiting = Store(folder), iter(moments)
    store.order.write(DEPLOY)
    monkeypatch.setattr("verdict.delivery.host.orders.time.sleep", lambda _: next(waiting, lambda _: None)(store))
    lines: list[str] = []
    return orders.follow(settings(folder, "a", "b"), DEPLOY, lines.append), lines


def guard_writes(state: State, order: Order | None = None) -> Callable[[Store], None]:
    """A moment in which the guard writes a state, and `order`, if any, replaces the waiting one."""

    def moment(store: Store) -> None:
        store.state.write(state)
        waiting = store.order.read()
        if order is not None:
            store.order.write(order)
        elif waiting is not None and waiting.name == state.done:
            store.remove_order(waiting)

    return moment


def test_who_asked_is_told_when_somebody_else_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`verdict rollback` ends a canary: who waits for that is told so at once, not that no guard runs."""
    canary = State(stage=Stage.CANARY, stable=OLD, order=DEPLOY)
    back = State(stable=OLD, done="2", outcome="rolled back", reason="by hand")
    outcome, lines = followed(
        tmp_path, monkeypatch, guard_writes(canary), guard_writes(canary, BACK), guard_writes(back)
    )
    assert outcome == "superseded"
    assert lines[-1] == "superseded, by what was asked for since: v1.0.0 serves, settled (last: rolled back: by hand)"


def test_what_no_guard_takes_up_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not begin on another day, when a guard starts."""
    monkeypatch.setattr(orders, "_SILENCE", -1.0)
    with pytest.raises(VerdictError, match="no guard took this up, and it is taken back"):
        followed(tmp_path, monkeypatch)
    assert Store(tmp_path).order.read() is None


def test_nobody_waits_for_a_guard_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a roll, too; while it runs, and cannot go on, its reason is told."""
    monkeypatch.setattr(orders, "_SILENCE", -1.0)
    trying = guard_writes(State(stage=Stage.CANARY, stable=OLD, order=DEPLOY))

    def stuck(store: Store) -> None:
        store.log("error", where="socket", why="haproxy does not answer", remedy="start haproxy")

    ended = guard_writes(State(stage=Stage.WATCHED, stable=NEW, done="1", outcome="promoted"))
    with Store(tmp_path).lock():
        outcome, lines = followed(tmp_path, monkeypatch, trying, stuck, lambda _: None, ended)
        assert outcome == "promoted"
        assert "the guard cannot go on: socket: haproxy does not answer; remedy: start haproxy" in lines
    Store(tmp_path).state.write(State())
    with pytest.raises(VerdictError, match="no guard goes on with this"):
        followed(tmp_path, monkeypatch, trying)


def test_a_shadow_needs_two_servers(tmp_path: Path) -> None:
    """One cannot compare in a slot that it must not leave."""
    with pytest.raises(VerdictError, match="here it has one"):
        orders.submit(settings(tmp_path, "a"), None, Order("1", NEW, orders.limits(shadow=True), promote=False))
    orders.submit(settings(tmp_path, "a", "b"), None, Order("1", NEW, orders.limits(shadow=True), promote=False))


@pytest.mark.parametrize("given", [["--ab", "-1"], ["--force", " "], ["--shadow", "--force", "why"], ["--keep", "-2"]])
def test_options_that_say_nothing_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A reason that is none, a number below 0, two ways at once."""
    with pytest.raises(SystemExit):
        main(["deploy", "v1.0.0", *given])
    assert given[0] in capsys.readouterr().err


def test_a_guard_reads_the_files_of_earlier_ones(tmp_path: Path) -> None:
    """The key of the order that is being followed is `ask`, on the disk and in the printed status."""
    store, state = Store(tmp_path), State(stage=Stage.CANARY, stable=OLD, order=DEPLOY)
    store.state.write(state)
    assert json.loads((tmp_path / "state.json").read_text())["ask"]["name"] == DEPLOY.name
    assert store.state.read() == state
    status = orders.Status(state, {"a": {}}, (), "")
    printed = orders.STATUS_JSON.dump_json(status, by_alias=True)
    assert {"places", "state"} <= set(json.loads(printed))
    assert json.loads(printed)["state"]["ask"]["name"] == DEPLOY.name
    assert orders.STATUS_JSON.validate_json(printed) == status


def test_a_port_is_given_once(tmp_path: Path) -> None:
    """Two slots cannot answer at one port."""
    path = tmp_path / "host.toml"
    head = 'environment = "staging"\nfolder = "x"\nengine = "podman"\nsocket = "y"\n[places]\n'
    path.write_text(f"{head}a = [1, 2]\ncanary = [3, 2]\n")
    with pytest.raises(VerdictError, match="port 2 is given twice"):
        load(path)


@pytest.mark.parametrize("guarded", [True, False])
def test_who_waits_no_longer_knows_that_the_guard_goes_on(
    guarded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends the waiting, not the roll, and says so; what no guard has is taken back."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "follow", interrupted)
    store = Store(tmp_path)
    store.order.write(DEPLOY)
    with store.lock() if guarded else nullcontext():
        code = exit_1_on_error(lambda: bool(wait(settings(tmp_path, "a"), DEPLOY)))()
        assert code == (130 if guarded else 1)
    assert (store.order.read() is not None) == guarded
    told = "`verdict rollback` takes it back" if guarded else "no guard took this up, and it is taken back"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "json: Invalid"), ('{"version": 1}', "json: version: "), (None, "/here.json: no such file")],
)
def test_a_release_that_cannot_be_read_names_its_place(
    content: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its whole path: the host's program is started in another folder than who calls it."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("here.json").write_text(content)
    with pytest.raises(VerdictError) as error:
        orders.read_release(Path("here.json"))
    assert told in str(error.value)


def test_settings_in_another_encoding_are_no_defect_of_the_program(tmp_path: Path) -> None:
    """The file is named, not a line of code."""
    (tmp_path / "host.toml").write_bytes(b'environment = "\xff"')
    with pytest.raises(VerdictError, match="not TOML"):
        load(tmp_path / "host.toml")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), ConnectionRefusedError(111, "refused")])
def test_a_socket_of_another_user_is_no_proxy_that_is_down(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads it does not restart a haproxy that answers users."""

    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr("verdict.delivery.host.proxy.socket.socket", refused)
    with pytest.raises(VerdictError) as told:
        Proxy(Path("socket"), "classifier", ("a",)).stats()
    assert ("start haproxy" in told.value.remedy) == isinstance(error, ConnectionRefusedError)


def test_status_says_that_nobody_guards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All servers answer, and yet the host is not as it should be."""
    monkeypatch.setattr(Proxy, "stats", lambda _: dict.fromkeys(("a", CANARY), ServerStats(0, 0, 0, 0)))
    with Store(tmp_path).lock():
        assert orders.status(settings(tmp_path, "a")).wrong == ()
    assert "no guard runs here" in orders.status(settings(tmp_path, "a")).wrong[0]
